package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A target is one gateway on this machine.
type target struct {
	addr  netip.AddrPort
	host  string
	path  string
	query url.Values
}

// parseTarget refuses anything but loopback: this tool must never load somebody else's server.
func parseTarget(raw string) ([]target, error) {
	var targets []target
	for one := range strings.SplitSeq(raw, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Scheme != "ws" {
			return nil, fmt.Errorf("-url %q: not a ws:// address", one)
		}
		ip, err := netip.ParseAddr(u.Hostname())
		if err != nil || !ip.Is4() || !ip.IsLoopback() {
			return nil, fmt.Errorf("-url %q: only loopback IPv4 addresses (127.x.y.z) may be loaded", one)
		}
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return nil, fmt.Errorf("-url %q: needs a port", one)
		}
		targets = append(targets, target{
			addr: netip.AddrPortFrom(ip, uint16(port)), host: u.Host, path: u.Path, query: u.Query(),
		})
	}
	return targets, nil
}

// handshakeRequest is the HTTP request that opens a socket to the room. An empty token makes a guest; resume is where an
// earlier connection was, "" for a new viewer.
func (t target) handshakeRequest(room int64, token, resume string, deflate bool) []byte {
	q := url.Values{}
	for k, v := range t.query {
		q[k] = v
	}
	q.Set("room_id", strconv.FormatInt(room, 10))
	if resume != "" {
		q.Set("resume", resume)
	}
	var nonce [16]byte
	rand.Read(nonce[:])
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s?%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", t.path, q.Encode(), t.host)
	fmt.Fprintf(&b, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", base64.StdEncoding.EncodeToString(nonce[:]))
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	if deflate {
		b.WriteString("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// handshakeTimeout is generous: a gateway that takes a million connections on two cores has a queue.
const handshakeTimeout = 60 * time.Second

var headEnd = []byte("\r\n\r\n")

// dialRaw opens one socket from the given source address and upgrades it. It returns a non-blocking descriptor and
// what the server sent behind its answer. receiveBuffer > 0 fixes the kernel's receive buffer.
func dialRaw(source netip.Addr, t target, request []byte, receiveBuffer int) (fd int, rest []byte, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("open a socket: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	// The port is chosen at connect, so that one port can serve many destinations.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return -1, nil, fmt.Errorf("set IP_BIND_ADDRESS_NO_PORT: %w", err)
	}
	if receiveBuffer > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return -1, nil, fmt.Errorf("set SO_RCVBUF: %w", err)
		}
	}
	timeout := unix.NsecToTimeval(handshakeTimeout.Nanoseconds())
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, option, &timeout); err != nil {
			return -1, nil, fmt.Errorf("set the handshake's time limit: %w", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: source.As4()}); err != nil {
		return -1, nil, fmt.Errorf("bind %s: %w", source, err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: t.addr.Addr().As4(), Port: int(t.addr.Port())}); err != nil {
		return -1, nil, fmt.Errorf("connect %s: %w", t.addr, err)
	}
	if rest, err = upgrade(fd, request); err != nil {
		return -1, nil, err
	}
	return fd, rest, unix.SetNonblock(fd, true)
}

// errRefused is a handshake that the server answered with something else than 101.
type errRefused struct{ status, body string }

func (e *errRefused) Error() string { return "handshake refused: " + e.status + " " + e.body }

func upgrade(fd int, request []byte) (rest []byte, err error) {
	for sent := 0; sent < len(request); {
		n, err := unix.Write(fd, request[sent:])
		if err != nil {
			return nil, fmt.Errorf("send the handshake: %w", err)
		}
		sent += n
	}
	buf := make([]byte, 0, 2048)
	for {
		if len(buf) == cap(buf) {
			return nil, errors.New("the handshake's answer is over 2 KiB")
		}
		n, err := unix.Read(fd, buf[len(buf):cap(buf)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the handshake's answer: %w", err)
		}
		if n == 0 {
			return nil, fmt.Errorf("read the handshake's answer: %w", net.ErrClosed)
		}
		buf = buf[:len(buf)+n]
		if head, rest, ok := bytes.Cut(buf, headEnd); ok {
			status, _, _ := bytes.Cut(head, []byte("\r\n"))
			if !bytes.HasPrefix(status, []byte("HTTP/1.1 101 ")) {
				return nil, &errRefused{status: string(status), body: string(rest)}
			}
			return bytes.Clone(rest), nil
		}
	}
}

// sourceAddress spreads the connections of a process over several addresses, 127.0.0.x to 127.0.3.x: one has only some
// 28,000 ports a target, and with half of them in use the kernel's search for a free one costs more than the handshake.
func sourceAddress(process int, connection int64) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 0, byte(connection % 4), byte(2 + process%250)})
}
