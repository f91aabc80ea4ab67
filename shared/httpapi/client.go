package httpapi

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddr returns the address that the request came from, for limits; the zero Addr when it is not known.
func ClientAddr(ctx context.Context) netip.Addr {
	ex := exchangeOf(ctx)
	if ex == nil || ex.api == nil {
		return netip.Addr{}
	}
	return ClientAddrOf(ex.remote, ex.forwarded, ex.api.proxies)
}

// ClientAddrOf is ClientAddr for requests that are not an API's: remote is the peer, forwarded its X-Forwarded-For
// headers. Of these it believes only what trusted proxies have written: they are read from the right, and the first
// address that is not a trusted proxy's is the client's. Whatever the client sent itself stands left of it.
func ClientAddrOf(remote string, forwarded []string, trusted []netip.Prefix) netip.Addr {
	addr, ok := parseAddr(remote)
	if !ok {
		return netip.Addr{}
	}
	trusts := func(p netip.Prefix) bool { return p.Contains(addr) }
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && slices.ContainsFunc(trusted, trusts); i-- {
		hop, ok := parseAddr(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		addr = hop
	}
	return addr
}

// parseAddr takes an address with or without port, as proxies write both.
func parseAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		return withPort.Addr().Unmap(), err == nil
	}
	return addr.Unmap(), true
}

// Household is what a limit by address counts: one IPv4 address, or the /64 that one IPv6 customer gets.
func Household(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return p.Addr()
}
