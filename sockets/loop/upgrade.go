package loop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
)

// Listen listens on a TCP address without keep-alive probes: the hub's pings find dead connections, and the kernel's
// probes of a million connections would be more work than the product.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	return lc.Listen(ctx, "tcp", addr)
}

// Upgrade makes the WebSocket handshake by gorilla's rules and takes the connection over. A refusal has been written
// when it returns. The answer to a good handshake has not: it is returned for Member.Start, so that it goes out with the
// first frames in one write. The caller ends with Conn.Start.
func (l *Loop) Upgrade(u *websocket.Upgrader, w http.ResponseWriter, r *http.Request) (c *Conn, answer []byte, err error) {
	held := &heldConn{}
	ws, err := u.Upgrade(hijacker{w, held}, r, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("upgrade: %w", err)
	}
	if c, err = l.adopt(held.Conn); err != nil {
		return nil, nil, errors.Join(err, ws.Close())
	}
	c.deflate = u.EnableCompression && offersDeflate(r.Header)
	return c, held.answer, nil
}

// heldConn keeps what gorilla writes to it.
type heldConn struct {
	net.Conn
	answer []byte
}

func (h *heldConn) Write(b []byte) (int, error) {
	h.answer = append(h.answer, b...)
	return len(b), nil
}

// hijacker gives its heldConn in place of the connection.
type hijacker struct {
	http.ResponseWriter
	held *heldConn
}

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.held.Conn = conn
	return h.held, buffers, err
}

// offersDeflate is the rule by which gorilla accepts the extension: it then answers with no context takeover.
func offersDeflate(h http.Header) bool {
	for _, line := range h["Sec-Websocket-Extensions"] {
		for ext := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(ext, ";")
			if strings.TrimSpace(name) == "permessage-deflate" {
				return true
			}
		}
	}
	return false
}
