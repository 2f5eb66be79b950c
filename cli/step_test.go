package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

// countingStepper is a workflow that counts its events in its state and ends at
// the third.
type countingStepper struct{}

func (countingStepper) step(ctx context.Context, thread string, stepID uint64, state, event []byte) ([]byte, []stepOutput, error) {
	switch {
	case string(event) == "bad":
		return nil, nil, errors.New("a fault")
	case len(state) == 2:
		return nil, []stepOutput{{"workflow-result", thread, "<3>"}}, nil
	}
	return append(bytes.Clone(state), 'x'), nil, nil
}

func (countingStepper) Close() {}

func TestStepAnswersEachLine(t *testing.T) {
	in := strings.Join([]string{
		`{"topics": true}`,
		`{"event": "1", "state": "", "thread": "a", "step": "1"}`,
		``,
		`{"event": "{}", "state": "eA==", "thread": "a", "step": ""}`,
		`{"event": "{}", "state": "eHg=", "thread": "a", "step": "3"}`,
		`{"event": "bad", "state": "", "thread": "a", "step": "4"}`,
		`no JSON`,
		`{"event": 5}`,
		`{"event": "1", "state": "?", "thread": "a", "step": "5"}`,
		`{"event": "1", "state": "", "thread": "a", "step": "five"}`,
		`{"event": "1", "state": "", "thread": "b", "step": "6"}`,
	}, "\n")
	var out bytes.Buffer
	app := workflow{topics: []string{"requests"}}
	if err := serveSteps(context.Background(), Process{In: strings.NewReader(in), Out: &out}, app, countingStepper{}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"topics":["requests","workflow-error","workflow-result","workflow-scheduler"]}`,
		`{"state":"eA==","outputs":[]}`,
		`{"state":"eHg=","outputs":[]}`,
		`{"state":"","outputs":[{"topic":"workflow-result","key":"a","value":"<3>"}]}`,
		`{"error":"a fault"}`,
		`{"error":"request 6 is no JSON object`,
		`{"error":"request 7 is no JSON object of this protocol: event is a JSON number"}`,
		`{"error":"state of thread a: `,
		`{"error":"step \"five\" is no whole number"}`,
		`{"state":"eA==","outputs":[]}`,
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d answers, want %d:\n%s", len(got), len(want), out.String())
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("answer %d: %s, want %s", i+1, got[i], want[i])
		}
	}
}
