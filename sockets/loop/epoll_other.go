//go:build !linux

package loop

import (
	"errors"
	"net"
)

// poller is never made where there is no epoll: every connection takes a goroutine.
type poller struct{}

func newPoller(*Loop) (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) close() error    { return nil }
func (*poller) add(*Conn) error { return errors.ErrUnsupported }
func (*poller) remove(*Conn)    {}
func (*poller) run() error      { return errors.ErrUnsupported }
func (*poller) stop() error     { return nil }

var errAgain = errors.ErrUnsupported

func takeFD(*net.TCPConn, int) (int32, error) { return -1, errors.ErrUnsupported }
func readFD(int32, []byte) (int, error)       { return 0, errors.ErrUnsupported }
func tryWrite(int32, [][]byte) (int, error)   { return 0, errors.ErrUnsupported }
func shutdownWrite(int32)                     {}
func closeFD(int32)                           {}
