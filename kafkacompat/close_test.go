//go:build unix

package kafkacompat_test

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A client that comes while the server closes, and reads an end before any answer, takes it for a listener that it can't speak with.
func TestClosingServerResetsConnectionsThatWereOfNoUse(t *testing.T) {
	s := startServer(t)
	silent, begun, used := s.dial(), s.dial(), s.dial()
	versions := kmsg.NewPtrApiVersionsRequest()
	for range 2 { // with the second answer all is done that comes after the first
		ask[*kmsg.ApiVersionsResponse](begun, versions)
		ask[*kmsg.MetadataResponse](used, metadataRequest())
	}
	eventually(t, "the silent one is served", func() bool { return s.server.Stats().Connections == 3 })
	s.server.Close()
	for name, got := range map[string]error{"silent": readError(silent), "begun": readError(begun)} {
		if !errors.Is(got, syscall.ECONNRESET) {
			t.Errorf("the %s connection ends with %v, want a reset", name, got)
		}
	}
	if err := readError(used); !errors.Is(err, io.EOF) {
		t.Errorf("the one in use ends with %v, want its end", err)
	}
}

func readError(c *rawConn) error {
	answer, err := c.readAnswer()
	if err == nil {
		return fmt.Errorf("an answer %x", answer)
	}
	return err
}
