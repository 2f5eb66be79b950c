//go:build unix

package server

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// See kafkacompat's test of the same: here the connections are counted.
func TestStoppingNodeResetsConnectionsThatWereOfNoUse(t *testing.T) {
	n, err := Start(testContext(t), testConfig(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", n.KafkaAddress())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	waitFor(t, "the connection to be served", func() bool { return n.kafka.Stats().Connections == 1 })
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // a test's own limit holds
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it ends with %v, want a reset", err)
	}
}
