package kafkacompat_test

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

// Whatever a real client has sent is answered, and the answer can be read, also
// by a server that has none of the topics and groups that it is about.
func TestCapturedFramesAreAnswered(t *testing.T) {
	paths, err := filepath.Glob("testdata/frames/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("captured frames: %v, error %v", paths, err)
	}
	s := startServer(t)
	if _, err := s.log.Propose(t.Context(), command.CreateTopics{Topics: []command.Topic{{Name: "t1", Partitions: 3}}}); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt")+"/"+fields[0]+"-"+fields[1], func(t *testing.T) {
				raw, err := hex.DecodeString(fields[2])
				if err != nil {
					t.Fatal(err)
				}
				request := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(raw[4:])))
				request.SetVersion(int16(binary.BigEndian.Uint16(raw[6:])))
				if produce, ok := request.(*kmsg.ProduceRequest); ok && !wantsAnswer(t, produce, raw) {
					t.Skip("acks=0")
				}
				c := s.dial()
				c.t = t
				c.send(raw)
				answer[kmsg.Response](c, int32(binary.BigEndian.Uint32(raw[8:])), request)
			})
		}
	}
}

func wantsAnswer(t *testing.T, request *kmsg.ProduceRequest, raw []byte) bool {
	t.Helper()
	body := raw[14+int(binary.BigEndian.Uint16(raw[12:])):]
	if request.IsFlexible() {
		body = body[1:]
	}
	if err := request.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	return request.Acks != 0
}
