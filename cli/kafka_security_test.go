package cli

import (
	"strings"
	"testing"
)

func TestKafkaAddressesAreRead(t *testing.T) {
	for text, want := range map[string]struct {
		address, user string
		isTLS         bool
	}{
		"127.0.0.1:9092":                 {"127.0.0.1:9092", "", false},
		"kafka://127.0.0.1:9092":         {"127.0.0.1:9092", "", false},
		"kafka+tls://kont.example:9093/": {"kont.example:9093", "", true},
		"kafka+tls://alice@[::1]:9093":   {"[::1]:9093", "alice", true},
	} {
		address, user, isTLS, err := kafkaAddress(text)
		if err != nil || address != want.address || user != want.user || isTLS != want.isTLS {
			t.Errorf("%s: %s, %s, %v, %v", text, address, user, isTLS, err)
		}
	}
	for _, text := range []string{"", "127.0.0.1", "http://127.0.0.1:9092", "kafka+tls://alice:hunter2@kont.example:9093"} {
		if _, _, _, err := kafkaAddress(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
