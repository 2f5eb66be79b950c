package jsvm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// inPool runs a fixture that waits for nothing to its end on a pool.
func inPool(t testing.TB, b *Bundle, o PoolOptions) (o2 outcome) {
	t.Helper()
	p := NewPool(b, o)
	defer p.Close()
	effects, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte(`{"user":"ann","city":"Rome","nights":2}`)})
	for _, l := range effects.Logs {
		o2.lines = append(o2.lines, l.Text)
	}
	if err != nil {
		o2.end = err.Error()
		return o2
	}
	for _, out := range effects.Outputs {
		o2.lines = append(o2.lines, fmt.Sprintf("%s %s %s", out.Topic, out.Key, out.Value))
	}
	if effects.Continuation != nil {
		o2.end = "waits"
	}
	return o2
}

func TestStepInPartsDoesWhatAStepDoes(t *testing.T) {
	// All fixtures are restored before each job by TestThreeWays; these show that a pool does the same.
	for _, name := range []string{"locals", "for of", "iterators held", "try catch finally", "generators", "promise combinators", "weak maps"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := threeWayFixtures[name]
			b := compileFixture(t, source)
			whole := inPool(t, b, PoolOptions{})
			for _, restore := range []Restore{RestoreSteps, RestoreJobs} {
				if got := inPool(t, b, PoolOptions{Restore: restore}); got.String() != whole.String() {
					t.Errorf("restore %d:\n%s\n\nwant\n%s", restore, got, whole)
				}
			}
		})
	}
}

func TestEachPartRunsInAnotherVM(t *testing.T) {
	b := compileText(t, `import * as W from "kont";
		export default async function main() { for (let i = 0; i < 5; i++) await null; await W.ref("a"); await null; await W.ref("b") }`)
	p := NewPool(b, PoolOptions{VMsMax: 1, Restore: RestoreJobs})
	defer p.Close()
	e, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.idle.vms); n != 2 {
		t.Fatalf("%d VMs", n)
	}
	first, second := p.idle.vms[0], p.idle.vms[1]
	if _, err := p.Step(context.Background(), Input{Thread: "T", StepID: 2, Continuation: e.Continuation, Event: []byte(`{"ref":"1:a:1"}`)}); err != nil {
		t.Fatal(err)
	}
	// A resume and two jobs: the last part is not in the VM that the step before ended in.
	if p.idle.vms[0] != second || p.idle.vms[1] != first {
		t.Errorf("the parts did not take turns")
	}
}

func TestFaultOfAPartIsTheFaultOfTheStep(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"what lives across an await within the step": {`
export default async function main() {
  const seen = new Proxy({}, {});
  await null;
  return typeof seen;
}`, `app.ts:4:3: "main.seen" is a Proxy, which cannot be kept across this await` + "\n\tat main (app.ts:4:3)"},
		"output to an undeclared topic behind an await": {`
import * as W from "kont";
export default async function main() {
  await null;
  try { W.output("x", "nowhere") } catch {}
  await null;
}`, `Error: output topic "nowhere" is not declared: add it to manifest.outputTopics`},
		"an endless loop behind an await": {`
export default async function main() {
  await null;
  for (;;) {}
}`, "step ran for T, at most L\n\tat main (app.ts:4:3)"},
		"endless awaits": {`
export default async function main() {
  for (;;) await null;
}`, "step ran for T, at most L"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			isWanted := func(f *Fault) bool {
				return strings.HasPrefix(withoutDurations(f.Error()), c.want) && f.IsWithinStep == (f.Kind == FaultUnsavable)
			}
			if f := faultOfStart(t, compileText(t, c.source), PoolOptions{Restore: RestoreJobs}, "1", isWanted); !isWanted(f) {
				t.Errorf("got %v, want %s", f, c.want)
			}
		})
	}
}

func TestPartsShareTheBoundOfConsoleLines(t *testing.T) {
	p := NewPool(compileText(t, `export default async function main() { for (let i = 0; i < 6; i++) { console.log("0123456789"); await null } }`),
		PoolOptions{Restore: RestoreJobs, Limits: Limits{LogBytesMax: 35}})
	defer p.Close()
	e, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte("1")})
	if err != nil || len(e.Logs) != 4 || e.Logs[3].Level != "warn" {
		t.Errorf("%d lines, %v", len(e.Logs), err)
	}
}

func TestUnmatchedEventRunsNoPart(t *testing.T) {
	p := NewPool(compileText(t, `import * as W from "kont"; export default async function main() { await W.ref() }`), PoolOptions{Restore: RestoreJobs})
	defer p.Close()
	e, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{`{"ref":"x"}`, `{`, `{"value":1}`} {
		if _, err := p.Step(context.Background(), Input{Thread: "T", StepID: 2, Continuation: e.Continuation, Event: []byte(event)}); !errors.Is(err, ErrUnmatched) {
			t.Errorf("%s: %v", event, err)
		}
	}
}

const worldFixture = `
export default async function main() {
	const seen = [Date.now(), new Date().toISOString(), Math.random(), crypto.randomUUID()];
	await null;
	return [...seen, Math.random(), Array.from(crypto.getRandomValues(new Uint8Array(11)))];
}`

func TestClockAndChanceCanBeGiven(t *testing.T) {
	b := compileText(t, worldFixture)
	at := time.UnixMilli(1_577_836_800_123)
	run := func(seed uint64, restore Restore) string {
		return inPool(t, b, PoolOptions{Clock: func() time.Time { return at }, Random: rand.NewPCG(seed, 0), Restore: restore}).String()
	}
	first := run(1, RestoreJobs)
	if !strings.Contains(first, `[1577836800123,"2020-01-01T00:00:00.123Z",0.`) {
		t.Errorf("got %s", first)
	}
	if again := run(1, RestoreAnywhere); again != first {
		t.Errorf("the same seed gives\n%s and\n%s", first, again)
	}
	if other := run(2, RestoreJobs); other == first {
		t.Errorf("two seeds give %s", other)
	}
	if one, two := inPool(t, b, PoolOptions{}).String(), inPool(t, b, PoolOptions{}).String(); one == two {
		t.Errorf("true chance gives %s twice", one)
	}
}

func TestEffectsNameTheTopicsOfResultsAndErrors(t *testing.T) {
	b := compileText(t, `import * as W from "kont"; export const manifest = { outputTopics: ["done"] };
		export default async function main() { await W.ref("a"); W.config.resultTopic = "done" }`)
	p := NewPool(b, PoolOptions{})
	defer p.Close()
	e, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte("1")})
	if err != nil || e.ResultTopic != "workflow-result" || e.ErrorTopic != "workflow-error" {
		t.Errorf("%q, %q, %v", e.ResultTopic, e.ErrorTopic, err)
	}
	e, err = p.Step(context.Background(), Input{Thread: "T", StepID: 2, Continuation: e.Continuation, Event: []byte(`{"ref":"1:a:1"}`)})
	if err != nil || e.ResultTopic != "done" || e.ErrorTopic != "workflow-error" {
		t.Errorf("%q, %q, %v", e.ResultTopic, e.ErrorTopic, err)
	}
}
