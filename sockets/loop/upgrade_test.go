package loop

import (
	"net/http"
	"testing"
)

func TestOffersOfDeflate(t *testing.T) {
	for offer, want := range map[string]bool{
		"permessage-deflate":                                                          true,
		"permessage-deflate; client_max_window_bits":                                  true,
		"permessage-deflate; client_max_window_bits=10":                               true,
		`permessage-deflate; client_max_window_bits="15"; server_no_context_takeover`: true,
		"permessage-deflate;client_no_context_takeover;server_no_context_takeover":    true,
		"x-webkit-deflate-frame, permessage-deflate":                                  true,
		"permessage-deflate; server_max_window_bits=9, permessage-deflate":            true, // the second one

		"":                       false,
		"x-webkit-deflate-frame": false,
		"permessage-deflate; server_max_window_bits=9":                           false, // what was said longer ago than 512 bytes is referred to
		"permessage-deflate; server_max_window_bits=15":                          false, // would have to be repeated in the answer
		"permessage-deflate; client_max_window_bits=16":                          false,
		"permessage-deflate; client_max_window_bits=08":                          false,
		"permessage-deflate; client_max_window_bits=x":                           false,
		"permessage-deflate; client_no_context_takeover=1":                       false,
		"permessage-deflate; mystery":                                            false,
		"permessage-deflate; client_max_window_bits=9; client_max_window_bits=9": false,
	} {
		if got := offersDeflate(http.Header{"Sec-Websocket-Extensions": {offer}}); got != want {
			t.Errorf("%q: got %t, want %t", offer, got, want)
		}
	}
	if offersDeflate(http.Header{}) {
		t.Error("nothing offered: got true")
	}
}
