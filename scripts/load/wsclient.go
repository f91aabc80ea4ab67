package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// maskedFrame appends a client's frame. The mask is all zeros: it hides nothing on loopback and saves the XOR.
func maskedFrame(dst []byte, opcode byte, payload []byte) []byte {
	dst = append(dst, 0x80|opcode)
	if len(payload) < 126 {
		dst = append(dst, 0x80|byte(len(payload)))
	} else {
		dst = append(dst, 0x80|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(payload)))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, payload...)
}

// A client is one blocking WebSocket connection, for publishers. One goroutine may read while another writes.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

func dialClient(t target, room int64, token string) (*client, error) {
	conn, err := net.DialTimeout("tcp4", t.addr.String(), handshakeTimeout)
	if err != nil {
		return nil, fmt.Errorf("connect a publisher: %w", err)
	}
	c := &client{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
	if err := c.upgrade(t, room, token); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *client) upgrade(t target, room int64, token string) error {
	if err := c.conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(t.handshakeRequest(room, token, "", false)); err != nil {
		return fmt.Errorf("send a publisher's handshake: %w", err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return fmt.Errorf("read a publisher's handshake: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
		return &errRefused{status: resp.Status, body: string(body)}
	}
	return c.conn.SetDeadline(time.Time{})
}

// next returns the next frame; its payload is valid until the next call.
func (c *client) next() (frame, error) {
	var head [10]byte
	if _, err := io.ReadFull(c.r, head[:2]); err != nil {
		return frame{}, err
	}
	extra := headSize(head[1]) - 2
	if _, err := io.ReadFull(c.r, head[2:2+extra]); err != nil {
		return frame{}, err
	}
	size, err := payloadSize(head[:2+extra])
	if err != nil {
		return frame{}, err
	}
	if cap(c.buf) < size {
		c.buf = make([]byte, size)
	}
	c.buf = c.buf[:size]
	_, err = io.ReadFull(c.r, c.buf)
	return frame{opcode: head[0] & 0x0f, payload: c.buf, size: 2 + extra + size}, err
}

func (c *client) write(opcode byte, payload []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, err := c.conn.Write(maskedFrame(nil, opcode, payload))
	return err
}
