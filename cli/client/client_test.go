package client_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kont/cli/client"
	"kont/server/api"
	"kont/server/api/apitest"
)

func TestRefusalsArriveAsTheServerSentThem(t *testing.T) {
	h := api.New(&apitest.Node{}, api.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	server := httptest.NewServer(h)
	defer server.Close()
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Thread(context.Background(), "workflow-resume", "nobody")
	if !client.IsCode(err, "unknown_thread") {
		t.Errorf("got %v", err)
	}
}

func TestStrangersAreToldApart(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"page":      func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>")) },
		"not found": http.NotFound,
	} {
		server := httptest.NewServer(answer)
		c, err := client.New(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		var stranger *client.StrangerError
		if _, err := c.Status(context.Background()); !errors.As(err, &stranger) {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	c, err := client.New(address)
	if err != nil {
		t.Fatal(err)
	}
	var noServer *client.NoServerError
	if _, err := c.Status(context.Background()); !errors.As(err, &noServer) || noServer.Server != address {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestTheKafkaAddressIsNoHTTPServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() { // hangs up on what is no Kafka frame
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			io.ReadFull(connection, make([]byte, 8))
			connection.Close()
		}
	}()
	c, err := client.New(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var stranger *client.StrangerError
	if _, err := c.Status(context.Background()); !errors.As(err, &stranger) || !strings.Contains(err.Error(), "is it the Kafka address?") {
		t.Errorf("got %v", err)
	}
}

// A node that follows and says itself that it is not ready is waited for.
func TestClusterIsAwaitedUntilItsNodesSayThatTheyAreReady(t *testing.T) {
	node := &apitest.Node{ClusterValue: api.Cluster{LeaderID: 1, Nodes: []api.ClusterNode{
		{ID: 1, State: api.NodeLeads}, {ID: 2, State: api.NodeFollows, NotReady: true, Problem: "it catches up"},
	}}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int32
	answers := api.New(node, api.Options{Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 2 { // what it was told at first is known by now
			cancel()
		}
		answers.ServeHTTP(w, r)
	}))
	defer server.Close()
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AwaitCluster(ctx, 2); err == nil || err.Error() != "node 2 follows and is not ready: it catches up" {
		t.Errorf("got %v", err)
	}
}

// A node that hangs is asked again, and may answer then.
func TestClusterIsAwaitedThoughOneLookHangs(t *testing.T) {
	t.Parallel()
	node := &apitest.Node{ClusterValue: api.Cluster{LeaderID: 1, Nodes: []api.ClusterNode{{ID: 1, State: api.NodeLeads}}}}
	var asked atomic.Int32
	answers := api.New(node, api.Options{Log: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		answers.ServeHTTP(w, r)
	}))
	defer server.Close()
	c, err := client.New(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.AwaitCluster(ctx, 1); err != nil {
		t.Error(err)
	}
}
