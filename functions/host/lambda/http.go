package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// serve answers one event of an HTTP API (payload format 2.0) or a function URL, which share their shape.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func (h *Host) serve(ctx context.Context, payload []byte) ([]byte, error) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("read the HTTP event: %w", err)
	}
	req, err := request(ctx, e)
	if err != nil {
		return json.Marshal(events.APIGatewayV2HTTPResponse{StatusCode: http.StatusBadRequest,
			Headers: map[string]string{"content-type": "text/plain; charset=utf-8"}, Body: err.Error()})
	}
	w := &recorder{header: http.Header{}}
	h.HTTP.ServeHTTP(w, req)
	return json.Marshal(w.response())
}

func request(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("the body is not base64: %w", err)
		}
	}
	// rawPath carries the stage's name, unless it is the default one.
	path := e.RawPath
	if stage := e.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(path, "/"+stage); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	target := "/" + strings.TrimPrefix(path, "/")
	if e.RawQueryString != "" {
		target += "?" + e.RawQueryString
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, fmt.Errorf("the path is not valid: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the request is not valid: %w", err)
	}
	for name, value := range e.Headers { // several values arrive joined by commas, which HTTP lets them be
		req.Header.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		req.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	req.RequestURI = target
	req.Host = e.RequestContext.DomainName
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	req.RemoteAddr = net.JoinHostPort(e.RequestContext.HTTP.SourceIP, "0") // an IPv6 address needs brackets
	return req, nil
}

// A recorder is the http.ResponseWriter of one invocation.
type recorder struct {
	header http.Header
	sent   http.Header // as it was at WriteHeader
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status != 0 || status < 200 { // informational answers can't be passed on
		return
	}
	w.status = status
	w.sent = w.header.Clone()
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK) // unless it was called before
	return w.body.Write(b)
}

func (w *recorder) response() events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK)
	if w.body.Len() > 0 && w.sent.Get("Content-Type") == "" && w.sent.Get("Content-Encoding") == "" {
		w.sent.Set("Content-Type", http.DetectContentType(w.body.Bytes())) // as net/http does
	}
	resp := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: map[string]string{}, Cookies: w.sent["Set-Cookie"]}
	for name, values := range w.sent {
		if name != "Set-Cookie" { // the only header that can't be joined
			resp.Headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	if isText(w.sent) && utf8.Valid(w.body.Bytes()) {
		resp.Body = w.body.String()
	} else {
		resp.Body, resp.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return resp
}

// isText says whether the body may travel as a JSON string.
func isText(h http.Header) bool {
	if h.Get("Content-Encoding") != "" {
		return false
	}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return h.Get("Content-Type") == ""
	}
	for _, suffix := range []string{"json", "xml", "javascript", "x-www-form-urlencoded"} {
		if strings.HasSuffix(kind, suffix) {
			return true
		}
	}
	return strings.HasPrefix(kind, "text/")
}
