package httpapi

import (
	"context"
	"net/netip"
	"strings"
)

// ClientAddr returns the address that the request came from, for limits; the zero Addr when it is not known. Of
// X-Forwarded-For it believes only what trusted proxies have written: those are read from the right, and the first
// address that is not a trusted proxy's is the client's. Whatever the client sent itself stands left of it.
func ClientAddr(ctx context.Context) netip.Addr {
	ex := exchangeOf(ctx)
	if ex == nil || ex.api == nil {
		return netip.Addr{}
	}
	addr, ok := parseAddr(ex.remote)
	if !ok {
		return netip.Addr{}
	}
	hops := strings.Split(strings.Join(ex.forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && ex.api.trusts(addr); i-- {
		hop, ok := parseAddr(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		addr = hop
	}
	return addr
}

func (a *API) trusts(addr netip.Addr) bool {
	for _, p := range a.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
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
