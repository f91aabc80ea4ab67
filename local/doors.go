package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// doors are the listeners that the platform is reached by. A server that serves one closes it, too: twice is harmless.
type doors struct{ http, socket net.Listener }

func openDoors(o Options) (*doors, error) {
	if o.ServicesOnly {
		return &doors{}, nil
	}
	page, err := listen("http", o.HTTP)
	if err != nil {
		return nil, err
	}
	socket, err := listen("socket", o.Socket)
	if err != nil {
		return nil, errors.Join(err, page.Close())
	}
	return &doors{page, socket}, nil
}

// Close closes what is still open.
func (d *doors) Close(context.Context) error {
	var errs []error
	for _, ln := range []net.Listener{d.http, d.socket} {
		if ln == nil {
			continue
		}
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func listen(flagName, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, taken(flagName, addr, err)
	}
	return ln, nil
}

// taken tells in one line which flag moves a listener that could not be opened.
func taken(flagName, addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken: choose another with --%s, for example --%s 127.0.0.1:0", addr, flagName, flagName)
	}
	return fmt.Errorf("--%s %s: %w", flagName, addr, err)
}

// reachable is the address under which this machine reaches ln: a listener on all interfaces is reached by loopback.
func reachable(ln net.Listener) string {
	host, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return ln.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
