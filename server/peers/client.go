package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"kont/raftlog/link"
	"kont/statemachine/command"
)

const (
	// answerBytesMax bounds an answer of another node.
	answerBytesMax = 1 << 20
	// kafkaAnswerBytesMax bounds the answer to a Kafka client, which has the configuration of each topic that was made.
	kafkaAnswerBytesMax = 64 << 20
	// idleTimeout closes connections that are not used.
	idleTimeout = time.Minute
)

// Client asks other nodes. Its methods may be called from any goroutine.
type Client struct {
	self       string
	transport  *http.Transport
	partingMax time.Duration
}

// NewClient returns a client that calls from a port.
func NewClient(port *link.Port) *Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return port.Dial(ctx, link.Calls, "", address)
		},
		IdleConnTimeout:     idleTimeout,
		MaxIdleConnsPerHost: 16,
		DisableCompression:  true,
	}
	return &Client{self: port.Address(), transport: transport, partingMax: partingMax}
}

// Close ends connections that are idle.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Status asks a node about itself.
func (c *Client) Status(ctx context.Context, address string) (Status, error) {
	var status Status
	err := c.call(ctx, address, pathStatus, nil, &status)
	return status, err
}

// Join asks to be taken into the cluster that the node at an address is in, whoever leads it.
func (c *Client) Join(ctx context.Context, address string, node command.Node) (clusterID string, err error) {
	var answer joinAnswer
	err = c.atLeader(ctx, address, func(address string) error { return c.call(ctx, address, pathJoin, node, &answer) })
	return answer.ClusterID, err
}

// Register tells the cluster of a member, as Join finds its leader.
func (c *Client) Register(ctx context.Context, address string, node command.Node) error {
	return c.atLeader(ctx, address, func(address string) error { return c.call(ctx, address, pathRegister, node, &struct{}{}) })
}

// Committed asks for what was acknowledged, as Join finds the leader.
func (c *Client) Committed(ctx context.Context, address string) (index uint64, err error) {
	var answer committedAnswer
	err = c.atLeader(ctx, address, func(address string) error { return c.call(ctx, address, pathCommitted, nil, &answer) })
	return answer.Index, err
}

// Fenced tells a node of those that the leader, who calls, has not heard of for a while. A node of an earlier release does not know of this.
func (c *Client) Fenced(ctx context.Context, address string, nodeIDs []int32) error {
	return c.call(ctx, address, pathFenced, nodeIDs, &struct{}{})
}

// redirectsMax bounds how often a call is sent on to another leader.
const redirectsMax = 3

// atLeader calls the node at an address, and then whom it takes for the leader.
func (c *Client) atLeader(ctx context.Context, address string, call func(address string) error) error {
	for range redirectsMax {
		err := call(address)
		var elsewhere *NotLeaderError
		if !errors.As(err, &elsewhere) || elsewhere.Address == "" || elsewhere.Address == address || ctx.Err() != nil {
			return err
		}
		if elsewhere.Address == c.self { // its caller has not noticed yet that it leads
			return &NotLeaderError{}
		}
		address = elsewhere.Address
	}
	return &NotLeaderError{}
}

func (c *Client) call(ctx context.Context, address, path string, body, answer any) error {
	return c.callFor(ctx, address, path, body, answer, answerBytesMax)
}

func (c *Client) callFor(ctx context.Context, address, path string, body, answer any, bytesMax int64) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, bytesMax))
	if err != nil {
		return fmt.Errorf("answer of the node at %s: %w", address, err)
	}
	if response.StatusCode == http.StatusOK {
		if err := json.Unmarshal(data, answer); err != nil {
			return fmt.Errorf("answer of the node at %s: %w", address, err)
		}
		return nil
	}
	var failed failure
	if err := json.Unmarshal(data, &failed); err != nil {
		return fmt.Errorf("the node at %s answers %s", address, response.Status)
	}
	return failed.err()
}

// Kafka lets the node at an address answer a request of a Kafka client, for as long as Forward does. If it was not sent, nothing was done.
func (c *Client) Kafka(ctx context.Context, address string, request json.RawMessage, leads func() bool) (answer []byte, isSent bool, err error) {
	ctx, begin, stop := c.whileLeads(ctx, leads)
	defer stop()
	// A connection counts as sent: what is written to it goes out by a goroutine of its own, perhaps after ctx has ended.
	var isConnected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { isConnected.Store(true) },
		GotFirstResponseByte: begin,
	})
	err = c.callFor(ctx, address, pathKafka, request, &answer, kafkaAnswerBytesMax)
	return answer, isConnected.Load(), err
}

const (
	// leadsAgainAfter is how often one who waits for the leader looks whether that leads still.
	leadsAgainAfter = 50 * time.Millisecond
	// partingMax is the time that one has to answer when it leads no more: it may be what it was asked for.
	partingMax = time.Second
)

var errLeadsNoMore = errors.New("it does not lead any more, as far as this node knows")

// Forward lets the node at an address answer a request of the HTTP API, for as long as it leads and a little longer: one that hangs may never
// answer, and another leads meanwhile. What it has begun to answer it goes on with. onError answers if that can't be done.
func (c *Client) Forward(w http.ResponseWriter, r *http.Request, address string, leads func() bool, onError func(error)) {
	ctx, begin, stop := c.whileLeads(r.Context(), leads)
	defer stop()
	proxy := httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", address
			p.Out.URL.Path, p.Out.URL.RawPath = pathForwarded+p.In.URL.Path, ""
			p.Out.Host = address
		},
		Transport:     c.transport,
		FlushInterval: -1,
		ModifyResponse: func(*http.Response) error {
			begin()
			return context.Cause(ctx)
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			onError(err)
		},
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}

// whileLeads is the context of a request to a node, which ends a moment after that leads no more, unless its answer has begun. The caller calls stop.
func (c *Client) whileLeads(ctx context.Context, leads func() bool) (_ context.Context, begin, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var decided sync.Once // by the beginning of the answer, or before it by the end of leadership
	var watching sync.WaitGroup
	watching.Go(func() {
		look := time.NewTicker(leadsAgainAfter)
		defer look.Stop()
		for led := time.Now(); ; {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
			switch {
			case leads():
				led = time.Now()
			case time.Since(led) >= c.partingMax:
				decided.Do(func() { cancel(errLeadsNoMore) })
				return
			}
		}
	})
	return ctx, func() { decided.Do(func() {}) }, func() {
		cancel(nil)
		watching.Wait()
	}
}
