package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/barrage-live/barrage/shared/right"
)

func TestClientAddrBelievesTrustedProxiesOnly(t *testing.T) {
	var got netip.Addr
	a := New(Config{Title: "test", TrustedProxies: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"),
	}})
	Route(a, Op{Method: http.MethodGet, Path: "/where", Summary: "Where", Action: right.SignIn},
		func(ctx context.Context, _ *None) (*None, error) {
			got = ClientAddr(ctx)
			return &None{}, nil
		})
	for name, c := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"direct":                   {"203.0.113.7:4711", nil, "203.0.113.7"},
		"direct, forged header":    {"203.0.113.7:4711", []string{"198.51.100.1"}, "203.0.113.7"},
		"one proxy":                {"10.1.2.3:80", []string{"203.0.113.7"}, "203.0.113.7"},
		"one proxy, forged header": {"10.1.2.3:80", []string{"1.1.1.1, 203.0.113.7"}, "203.0.113.7"},
		"two proxies":              {"10.1.2.3:80", []string{"1.1.1.1, 203.0.113.7, 10.9.9.9"}, "203.0.113.7"},
		"two headers":              {"10.1.2.3:80", []string{"1.1.1.1", "203.0.113.7, 10.9.9.9"}, "203.0.113.7"},
		"forged proxy":             {"10.1.2.3:80", []string{"1.1.1.1, 10.0.0.1, 203.0.113.7"}, "203.0.113.7"},
		"inside client":            {"10.1.2.3:80", []string{"10.7.7.7"}, "10.7.7.7"},
		"proxy without header":     {"10.1.2.3:80", nil, "10.1.2.3"},
		"garbage before":           {"10.1.2.3:80", []string{"'; DROP, 203.0.113.7"}, "203.0.113.7"},
		"garbage":                  {"10.1.2.3:80", []string{"203.0.113.7, unknown"}, "10.1.2.3"},
		"with port":                {"10.1.2.3:80", []string{"203.0.113.7:999"}, "203.0.113.7"},
		"IPv6":                     {"[fd00::1]:80", []string{"[2001:db8::1]:999"}, "2001:db8::1"},
		"IPv6 in brackets":         {"[fd00::1]:80", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv4 in IPv6":             {"[::ffff:10.1.2.3]:80", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		"address without port":     {"203.0.113.7", nil, "203.0.113.7"},
		"unix socket":              {"@", []string{"203.0.113.7"}, "invalid IP"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/where", nil)
		r.RemoteAddr = c.remote
		r.Header["X-Forwarded-For"] = c.forwarded
		a.ServeHTTP(httptest.NewRecorder(), r)
		if got.String() != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
