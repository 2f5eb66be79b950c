package kafkacompat

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// A capturedFrame is a line of testdata/frames: a request as a client of the
// file's name sent it.
type capturedFrame struct {
	client string
	name   string
	raw    []byte
}

func capturedFrames(t *testing.T) []capturedFrame {
	t.Helper()
	paths, err := filepath.Glob("testdata/frames/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("captured frames: %v, error %v", paths, err)
	}
	var frames []capturedFrame
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var name, digits string
			var version int16
			if _, err := fmt.Sscan(line, &name, &version, &digits); err != nil {
				t.Fatalf("%s: %q: %v", path, line, err)
			}
			raw, err := hex.DecodeString(digits)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			client := strings.TrimSuffix(filepath.Base(path), ".txt")
			frames = append(frames, capturedFrame{client, fmt.Sprintf("%s-%d", name, version), raw})
		}
	}
	return frames
}

// What real clients sent is understood to the last byte: decoded and encoded
// again, it is the same. Nothing here was written by the library that reads it.
func TestCapturedFramesAreUnderstood(t *testing.T) {
	for _, f := range capturedFrames(t) {
		t.Run(f.client+"/"+f.name, func(t *testing.T) {
			reader := bufio.NewReader(bytes.NewReader(f.raw))
			size, key, err := wire.ReadSize(reader)
			if err != nil {
				t.Fatal(err)
			}
			frame, err := wire.ReadFrame(reader, size, func(int) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			header, body, err := wire.ParseHeader(frame)
			if err != nil {
				t.Fatal(err)
			}
			a := apiForKey(key)
			if a == nil || !a.serves(header.Version) {
				t.Fatalf("key %d, version %d is not served", key, header.Version)
			}
			request, err := a.decode(body, header.Version)
			if err != nil {
				t.Fatal(err)
			}
			formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(header.ClientID))
			again := formatter.AppendRequest(nil, request, header.Correlation)
			if !bytes.Equal(again, f.raw) {
				t.Errorf("encoded again it is\n%x, was\n%x", again, f.raw)
			}
		})
	}
}
