// Package client speaks to the HTTP API of a server, as package api describes it.
//
// It retries nothing and stores nothing. A refusal of the server comes back as
// the *api.Error that the server sent.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kont/server/api"
)

const (
	requestTimeout = 30 * time.Second
	answerBytesMax = 64 << 20
)

// Client speaks to the HTTP API of one server; safe for concurrent use.
type Client struct {
	base string // scheme and host
	http *http.Client
}

// New makes a client of the server at address, host:port or a URL. It does not
// connect yet.
func New(address string) (*Client, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, fmt.Errorf("%q is no server address", address)
	}
	return &Client{
		base: parsed.Scheme + "://" + parsed.Host,
		http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 16}},
	}, nil
}

// call sends a request and decodes the answer into result, which may be nil. A
// refusal comes back as *api.Error.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, body []byte, result any) error {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	if response.StatusCode >= 400 {
		refusal := &api.Error{Status: response.StatusCode}
		if err := json.Unmarshal(answer, refusal); err != nil || refusal.Message == "" {
			return &StrangerError{Server: c.Server(), Reason: fmt.Sprintf("%s %s answers %s", method, path, response.Status)}
		}
		return refusal
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return &StrangerError{Server: c.Server(), Reason: fmt.Sprintf("%s %s: %v", method, path, err)}
	}
	return nil
}

// Server is host:port of the server.
func (c *Client) Server() string {
	_, host, _ := strings.Cut(c.base, "://")
	return host
}

func (c *Client) unreachable(ctx context.Context, err error) error {
	var dial *net.OpError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &dial) && dial.Op == "dial":
		return &NoServerError{Server: c.Server(), Cause: dial.Err}
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return &StrangerError{Server: c.Server(), Reason: "it hangs up; is it the Kafka address?"}
	default:
		return fmt.Errorf("talk to the server at %s: %w", c.Server(), err)
	}
}

// NoServerError says that nothing listens, or that nobody knows the address.
type NoServerError struct {
	Server string
	Cause  error
}

func (e *NoServerError) Error() string {
	if e.Cause == nil || errors.Is(e.Cause, syscall.ECONNREFUSED) {
		return "no server at " + e.Server
	}
	return fmt.Sprintf("no server at %s: %v", e.Server, e.Cause)
}

func (e *NoServerError) Unwrap() error { return e.Cause }

// StrangerError says that something answers that is no kont server.
type StrangerError struct{ Server, Reason string }

func (e *StrangerError) Error() string {
	return fmt.Sprintf("%s does not answer like a kont server: %s", e.Server, e.Reason)
}

// Backup writes the state of the server to w and returns its log index: with all that was acknowledged before, or, ofNode, what this
// server has, though it may be old. It takes as long as it takes; whether all of it has come is the caller's to check.
func (c *Client) Backup(ctx context.Context, w io.Writer, ofNode bool) (index uint64, err error) {
	url := c.base + "/api/v1/backup"
	if ofNode {
		url += "?of=" + api.BackupOfNode
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := (&http.Client{Transport: c.http.Transport}).Do(request)
	if err != nil {
		return 0, c.unreachable(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		refusal := &api.Error{Status: response.StatusCode}
		if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(refusal); err != nil || refusal.Message == "" {
			return 0, &StrangerError{Server: c.Server(), Reason: "GET /api/v1/backup answers " + response.Status}
		}
		return 0, refusal
	}
	if index, err = strconv.ParseUint(response.Header.Get(api.HeaderLogIndex), 10, 64); err != nil {
		return 0, &StrangerError{Server: c.Server(), Reason: "GET /api/v1/backup answers without a log index"}
	}
	if _, err := io.Copy(w, response.Body); err != nil {
		return index, fmt.Errorf("backup of the server at %s: %w", c.Server(), err)
	}
	return index, nil
}

func (c *Client) Status(ctx context.Context) (api.Status, error) {
	var status api.Status
	err := c.Call(ctx, http.MethodGet, "/api/v1/status", nil, nil, &status)
	return status, err
}

func (c *Client) Topics(ctx context.Context) ([]api.Topic, error) {
	var answer struct{ Topics []api.Topic }
	err := c.Call(ctx, http.MethodGet, "/api/v1/topics", nil, nil, &answer)
	return answer.Topics, err
}

func (c *Client) Deployments(ctx context.Context) ([]api.Deployment, error) {
	var answer struct{ Deployments []api.Deployment }
	err := c.Call(ctx, http.MethodGet, "/api/v1/deployments", nil, nil, &answer)
	return answer.Deployments, err
}

func (c *Client) Deploy(ctx context.Context, app, resumeTopic string, bundle []byte) (api.Deployment, error) {
	var deployment api.Deployment
	query := url.Values{"app": {app}, "resume_topic": {resumeTopic}}
	err := c.Call(ctx, http.MethodPost, "/api/v1/deployments", query, bundle, &deployment)
	return deployment, err
}

func (c *Client) Thread(ctx context.Context, topic, key string) (api.Thread, error) {
	var thread api.Thread
	err := c.Call(ctx, http.MethodGet, "/api/v1/thread", threadQuery(topic, key), nil, &thread)
	return thread, err
}

func (c *Client) History(ctx context.Context, topic, key string) ([]api.HistoryEntry, error) {
	var answer struct{ History []api.HistoryEntry }
	err := c.Call(ctx, http.MethodGet, "/api/v1/thread/history", threadQuery(topic, key), nil, &answer)
	return answer.History, err
}

func (c *Client) Continuation(ctx context.Context, topic, key string) (api.Continuation, error) {
	var stored api.Continuation
	err := c.Call(ctx, http.MethodGet, "/api/v1/thread/continuation", threadQuery(topic, key), nil, &stored)
	return stored, err
}

func (c *Client) EncodedBundle(ctx context.Context, hash string) (api.EncodedBundle, error) {
	var stored api.EncodedBundle
	err := c.Call(ctx, http.MethodGet, "/api/v1/bundle", url.Values{"hash": {hash}}, nil, &stored)
	return stored, err
}

func (c *Client) RetryThread(ctx context.Context, topic, key string) error {
	return c.Call(ctx, http.MethodPost, "/api/v1/thread/retry", threadQuery(topic, key), nil, nil)
}

func (c *Client) DeleteThread(ctx context.Context, topic, key string) error {
	return c.Call(ctx, http.MethodDelete, "/api/v1/thread", threadQuery(topic, key), nil, nil)
}

func threadQuery(topic, key string) url.Values {
	return url.Values{"topic": {topic}, "key": {key}}
}

// IsCode tells whether err is the server's refusal with that code.
func IsCode(err error, code string) bool {
	var refusal *api.Error
	return errors.As(err, &refusal) && refusal.Code == code
}
