package loop

import (
	"io"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of this file never block, so Go's scheduler is not told of them. Told, it would take a flusher's P away
// whenever a write lasts longer than its monitor's period of 20 µs, wake a thread for it, and keep the monitor from going
// to sleep: a sixth of a busy pod. send and recv also cost less than write and read, which lock a file position.

// errAgain says that the socket holds nothing now.
const errAgain = unix.EAGAIN

// dontBlock is beside O_NONBLOCK, which a descriptor could lose elsewhere.
const dontBlock = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL

// result is that of a system call; again says that it was interrupted.
func result(n uintptr, errno unix.Errno) (got int, again bool, err error) {
	switch errno {
	case 0:
		return int(n), false, nil
	case unix.EINTR:
		return 0, true, nil
	default:
		return 0, false, errno
	}
}

func readFD(fd int32, buf []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), dontBlock, 0, 0)
		switch got, again, err := result(n, errno); {
		case again:
		case got == 0 && err == nil:
			return 0, io.EOF
		default:
			return got, err
		}
	}
}

// pollFD returns the events that are there, at once.
func pollFD(fd int, events []unix.EpollEvent) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
		if got, again, err := result(n, errno); !again {
			return got, err
		}
	}
}

// maxBuffers go out in one call: a room's whole log, and a private queue before and a close frame behind it.
const maxBuffers = 24

// tryWrite writes what the socket takes.
func tryWrite(fd int32, bufs [][]byte) (n int, err error) {
	for len(bufs) > 0 && err == nil {
		part := bufs[:min(len(bufs), maxBuffers)]
		bufs = bufs[len(part):]
		var took int
		if len(part) == 1 {
			took, err = sendOne(fd, part[0])
		} else {
			took, err = send(fd, part)
		}
		if n += took; took < size(part) {
			break
		}
	}
	if err == unix.EAGAIN {
		err = nil
	}
	return n, err
}

func send(fd int32, bufs [][]byte) (int, error) {
	var vector [maxBuffers]unix.Iovec
	for i, b := range bufs {
		vector[i].Base = unsafe.SliceData(b)
		vector[i].SetLen(len(b))
	}
	message := unix.Msghdr{Iov: &vector[0]}
	message.SetIovlen(len(bufs))
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&message)), dontBlock, 0, 0, 0)
		if got, again, err := result(n, errno); !again {
			return got, err
		}
	}
}

// sendOne saves the kernel the copy of a message's header.
func sendOne(fd int32, b []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), dontBlock, 0, 0)
		if got, again, err := result(n, errno); !again {
			return got, err
		}
	}
}

func shutdownWrite(fd int32) {
	_ = unix.Shutdown(int(fd), unix.SHUT_WR) // the peer may have closed first
}

func closeFD(fd int32) {
	_ = unix.Close(int(fd)) // Linux frees the descriptor whatever it returns
}
