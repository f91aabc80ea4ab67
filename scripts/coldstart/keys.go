package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/barrage-live/barrage/shared/token"
)

// keys is a signing key and the server of its public half: what the functions get from Secrets Manager and the function
// auth when they are deployed.
type keys struct {
	http.Server
	env []string
}

func serveKeys() (*keys, error) {
	key, err := token.GenerateKey()
	if err != nil {
		return nil, err
	}
	pem, err := key.PEM()
	if err != nil {
		return nil, err
	}
	signer, err := token.NewSigner([]token.Key{key}, "barrage", "barrage", 0)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the public keys: %w", err)
	}
	k := &keys{env: []string{"TOKEN_SIGNING_KEY=" + string(pem), "JWKS_URL=http://" + l.Addr().String()}}
	k.ReadHeaderTimeout = time.Second
	k.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(signer.JWKS()) })
	go func() { _ = k.Serve(l) }() // ends by Close
	return k, nil
}
