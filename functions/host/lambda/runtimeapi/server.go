// Package runtimeapi is the other end of a Lambda function: a small server of the Runtime API, so that a built bootstrap
// can be run and invoked on any machine, without a cloud account or a container.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// A Server hands invocations to one function process and takes its answers. Safe for concurrent use.
type Server struct {
	listener net.Listener
	http     http.Server
	serving  sync.WaitGroup
	queue    chan *invocation
	crashed  chan string // the report of a failed init

	mu      sync.Mutex
	next    int
	pending map[string]*invocation
}

type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	answer   chan Answer
}

// An Answer is what the function said of one invocation: Payload, or Error as the JSON that the runtime posted.
type Answer struct {
	Payload []byte
	Error   string
}

// maxAnswer is Lambda's own limit of a synchronous answer.
const maxAnswer = 6 << 20

// Listen starts a server on a free loopback port.
func Listen() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime: %w", err)
	}
	s := &Server{listener: l, queue: make(chan *invocation), crashed: make(chan string, 1), pending: map[string]*invocation{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", s.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", s.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", s.serveInitError)
	s.http.Handler = mux
	s.serving.Go(func() { _ = s.http.Serve(l) }) // ends by Close
	return s, nil
}

// Addr is what AWS_LAMBDA_RUNTIME_API must be for the function's process.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server and every waiting call.
func (s *Server) Close() error {
	err := s.http.Close()
	s.serving.Wait()
	return err
}

// Command is the function's process, ready to start: bootstrap with the environment that Lambda gives and env beside it.
func (s *Server) Command(ctx context.Context, bootstrap string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, bootstrap)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "TZ=:UTC", "LANG=en_US.UTF-8",
		"AWS_LAMBDA_RUNTIME_API=" + s.Addr(),
		"AWS_LAMBDA_FUNCTION_NAME=local", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_REGION=us-east-1", "_HANDLER=bootstrap",
	}, env...)
	return cmd
}

// ErrInit is wrapped by Invoke's error when the function's start failed.
var ErrInit = errors.New("the function failed to start")

// Invoke gives the function one event and at most timeout to answer it.
func (s *Server) Invoke(ctx context.Context, payload []byte, timeout time.Duration) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s.mu.Lock()
	s.next++
	inv := &invocation{id: "local-" + strconv.Itoa(s.next), payload: payload,
		deadline: time.Now().Add(timeout), answer: make(chan Answer, 1)}
	s.mu.Unlock()
	select {
	case s.queue <- inv:
	case report := <-s.crashed:
		return Answer{}, fmt.Errorf("%w: %s", ErrInit, report)
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("the function took no invocation: %w", ctx.Err())
	}
	select {
	case a := <-inv.answer:
		return a, nil
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("the function did not answer: %w", ctx.Err())
	}
}

func (s *Server) serveNext(w http.ResponseWriter, r *http.Request) {
	var inv *invocation
	select {
	case inv = <-s.queue:
	case <-r.Context().Done():
		return
	}
	s.mu.Lock()
	s.pending[inv.id] = inv
	s.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:local")
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
	_, _ = w.Write(inv.payload) // a runtime that is gone never answers, which Invoke reports
}

func (s *Server) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		s.settle(w, r, Answer{Error: `{"errorType":"Function.ResponseSizeTooLarge"}`})
		return
	}
	s.settle(w, r, Answer{Payload: body})
}

func (s *Server) serveError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		body = []byte(err.Error())
	}
	s.settle(w, r, Answer{Error: string(body)})
}

func (s *Server) settle(w http.ResponseWriter, r *http.Request, a Answer) {
	id := r.PathValue("id")
	s.mu.Lock()
	inv := s.pending[id]
	delete(s.pending, id)
	s.mu.Unlock()
	if inv == nil {
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	inv.answer <- a
	w.WriteHeader(http.StatusAccepted)
}

func (s *Server) serveInitError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		body = []byte(err.Error())
	}
	select {
	case s.crashed <- string(body):
	default: // one report is enough
	}
	w.WriteHeader(http.StatusAccepted)
}
