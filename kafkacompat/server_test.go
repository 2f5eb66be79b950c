package kafkacompat_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/kafkacompat"
	"kont/kafkacompat/kafkacompattest"
)

// A testServer is a listener on a port of its own, over a log in memory.
type testServer struct {
	t       *testing.T
	log     *kafkacompattest.Log
	cluster *kafkacompattest.Cluster
	server  *kafkacompat.Server
	address string
	logged  *lockedBuffer
}

func startServer(t *testing.T, change ...func(*kafkacompat.Config)) *testServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{
		t:       t,
		log:     &kafkacompattest.Log{},
		cluster: kafkacompattest.NewCluster("127.0.0.1", int32(listener.Addr().(*net.TCPAddr).Port)),
		address: listener.Addr().String(),
		logged:  &lockedBuffer{},
	}
	config := kafkacompat.Config{
		Log:     s.log,
		Cluster: s.cluster,
		Logger:  slog.New(slog.NewTextHandler(s.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&config)
	}
	if s.server, err = kafkacompat.New(config); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(listener, kafkacompat.Listener{Name: "test"}) }()
	t.Cleanup(func() {
		s.server.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if text := s.logged.String(); strings.Contains(text, "panicked") {
			t.Error("a request panicked:\n" + text)
		}
		if s.log.Watches() != 0 {
			t.Errorf("%d watches are left open", s.log.Watches())
		}
	})
	return s
}

// client is franz-go's client, with sensible defaults for a test.
func (s *testServer) client(options ...kgo.Opt) *kgo.Client {
	s.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.address),
		kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, options...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.Close)
	return client
}

// createTopic makes a topic over the wire.
func (s *testServer) createTopic(name string, partitions int32) {
	s.t.Helper()
	admin := kadm.NewClient(s.client())
	if _, err := admin.CreateTopic(testContext(s.t), partitions, 1, nil, name); err != nil {
		s.t.Fatal(err)
	}
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
