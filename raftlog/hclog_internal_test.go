package raftlog

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// A member that is away is no news several times a second.
func TestRepeatedWarningsAboutAMemberAreLeftOut(t *testing.T) {
	var out bytes.Buffer
	logger := newHclog(slog.New(slog.NewTextHandler(&out, nil)))
	for range 3 {
		logger.Error("failed to heartbeat to", "peer", raft.ServerAddress("n2:7000"), "error", io.EOF)
		logger.Error("failed to heartbeat to", "peer", raft.ServerAddress("n3:7000"), "error", io.EOF)
		logger.With("a", "b").Error("failed to appendEntries to", "peer", raft.Server{ID: "n2"}, "error", io.EOF)
		logger.Error("failed to commit logs", "error", io.EOF) // about no member
	}
	if warnings := strings.Count(out.String(), "level=WARN"); warnings != 6 {
		t.Errorf("%d warnings, want one about each member and thing, and three of this node:\n%s", warnings, &out)
	}

	r, began := &repeats{known: map[string]repeated{}}, time.Now()
	for after, want := range []struct {
		leftOut   int
		isWarning bool
	}{0: {0, true}, 9: {0, false}, 10: {9, true}, 19: {0, false}, 20: {9, true}} {
		leftOut, isWarning := r.add("k", began.Add(time.Duration(after)*time.Second))
		if want.isWarning != isWarning || want.leftOut != leftOut {
			t.Errorf("after %d s: %d left out, warning %v; want %+v", after, leftOut, isWarning, want)
		}
	}

	out.Reset()
	a := logger.(*hclogAdapter)
	a.repeats.known["failed to heartbeat to n2:7000"] = repeated{told: began.Add(-repeatsEvery), leftOut: 27}
	logger.Error("failed to heartbeat to", "peer", raft.ServerAddress("n2:7000"), "error", io.EOF)
	if got := out.String(); !strings.Contains(got, "left_out=27") {
		t.Errorf("got %s", got)
	}
}

func TestConnectionThatTheNodeClosesItselfIsNoWarning(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	_, err = listener.Accept()
	var out bytes.Buffer
	logger := newHclog(slog.New(slog.NewTextHandler(&out, nil)))
	logger.Error("failed to decode incoming command", "error", err)
	if out.Len() > 0 {
		t.Errorf("logged %s", &out)
	}
	logger.Error("failed to decode incoming command", "error", io.ErrUnexpectedEOF)
	if !strings.Contains(out.String(), "level=WARN") {
		t.Errorf("logged %q", &out)
	}
}
