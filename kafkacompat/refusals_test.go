package kafkacompat_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
)

// A flood of connections doesn't fill the log, and is counted in it.
func TestRefusedConnectionsDoNotFillTheLog(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.ConnectionsMax = 1 })
	ask[*kmsg.MetadataResponse](s.dial(), metadataRequest())
	began := time.Now()
	const flood = 300
	for range flood {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Fatalf("%d bytes for a client too many", n)
		}
		conn.Close()
	}
	linesMax := int(time.Since(began)/time.Second) + 1
	text := s.logged.String()
	if lines := strings.Count(text, "kafka connection refused"); lines == 0 || lines > linesMax {
		t.Errorf("%d lines, want 1 to %d", lines, linesMax)
	}
	if refused := s.server.Stats().Refused; refused != flood {
		t.Errorf("%d refused, want %d", refused, flood)
	}
}
