package jsvm

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"
)

// wallsMax is about the longest time limit that a test tries.
const wallsMax = 30 * time.Second

// faultOfStart runs the first step of a thread, which does not succeed, under a short time limit. A slow machine may not have come to what the test is about by
// then, so the limit is doubled until the fault is the wanted one, or has another cause, or any machine would have been there.
func faultOfStart(t *testing.T, b *Bundle, o PoolOptions, event string, isWanted func(*Fault) bool) *Fault {
	t.Helper()
	for wall := 100 * time.Millisecond; ; wall *= 2 {
		o.Limits.StepWall = wall
		p := NewPool(b, o)
		_, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte(event)})
		p.Close()
		f := fault(t, err)
		if f.Kind == FaultStuck && !strings.HasSuffix(f.Message, "at most "+wall.String()) {
			t.Errorf("got %v, want the limit of %v", f, wall)
		}
		if isWanted(f) || f.Kind != FaultStuck || wall > wallsMax {
			return f
		}
	}
}

// withoutDurations puts T for how long a step ran, and L for how long it may.
func withoutDurations(text string) string {
	return regexp.MustCompile(`ran for [\w.]+, at most [\w.]+`).ReplaceAllString(text, "ran for T, at most L")
}
