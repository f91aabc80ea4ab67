package loop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
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
	rules := *u
	rules.EnableCompression = u.EnableCompression && offersDeflate(r.Header)
	ws, err := rules.Upgrade(hijacker{w, held}, r, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("upgrade: %w", err)
	}
	if c, err = l.adopt(held.Conn); err != nil {
		return nil, nil, errors.Join(err, ws.Close())
	}
	c.deflate = rules.EnableCompression
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

// offersDeflate says whether the client offers permessage-deflate in a way that gorilla's answer agrees to: no context
// takeover on either side and a full window (RFC 7692 section 7.1). Gorilla itself looks at the name alone.
func offersDeflate(h http.Header) bool {
	for _, line := range h["Sec-Websocket-Extensions"] {
		for offer := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(offer, ";")
			if strings.TrimSpace(name) == "permessage-deflate" && agreeable(params) {
				return true
			}
		}
	}
	return false
}

// agreeable looks at the parameters of one offer. A smaller window for what we send is more than we can promise; one for
// what the client sends is its own affair.
func agreeable(params string) bool {
	if params == "" {
		return true
	}
	seen := map[string]bool{}
	for param := range strings.SplitSeq(params, ";") {
		name, value, hasValue := strings.Cut(param, "=")
		name = strings.TrimSpace(name)
		if seen[name] {
			return false
		}
		seen[name] = true
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if hasValue {
				return false
			}
		case "client_max_window_bits":
			if hasValue && !windowBits(value) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// windowBits says whether value is 8 to 15, without a leading zero.
func windowBits(value string) bool {
	n, err := strconv.Atoi(value)
	return err == nil && n >= 8 && n <= 15 && value == strconv.Itoa(n)
}
