package jsvm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func compileText(t testing.TB, source string) *Bundle {
	t.Helper()
	b, err := Compile(context.Background(), CompileOptions{Entry: "app.ts", Files: mapFS(source)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compileFile(t testing.TB, file string) *Bundle {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Compile(context.Background(), CompileOptions{Entry: "saga.ts", Files: mapFile("saga.ts", string(text))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// host runs one thread through a pool, as a server would, and writes down what it sees.
type host struct {
	t       testing.TB
	pool    func() *Pool
	remote  func(Input) (Effects, error) // in place of pool
	step    uint64
	effects Effects
	lines   []string
}

func newHost(t testing.TB, b *Bundle) *host {
	p := NewPool(b, PoolOptions{})
	t.Cleanup(p.Close)
	return &host{t: t, pool: func() *Pool { return p }}
}

func (h *host) note(e Effects) {
	for _, l := range e.Logs {
		h.lines = append(h.lines, l.Text)
	}
	for _, o := range e.Outputs {
		h.lines = append(h.lines, fmt.Sprintf("%s %s %s", o.Topic, o.Key, o.Value))
	}
	h.effects = e
}

func (h *host) run(in Input) (Effects, error) {
	if h.remote != nil {
		return h.remote(in)
	}
	return h.pool().Step(context.Background(), in)
}

func (h *host) start(argument string) error {
	h.step++
	e, err := h.run(Input{Thread: "T", StepID: h.step, Event: []byte(argument)})
	if err == nil {
		h.note(e)
	}
	return err
}

func (h *host) send(event string) error {
	h.step++
	e, err := h.run(Input{Thread: "T", StepID: h.step, Continuation: h.effects.Continuation, Event: []byte(event)})
	if err == nil {
		h.note(e)
	}
	return err
}

// settle answers the last pending ref whose id contains name.
func (h *host) settle(name, value string) {
	h.t.Helper()
	for _, ref := range slices.Backward(h.effects.Refs) {
		if strings.Contains(ref, name) {
			id, _ := json.Marshal(ref)
			if err := h.send(`{"ref":` + string(id) + `,` + value + `}`); err != nil {
				h.t.Fatal(err)
			}
			return
		}
	}
	h.t.Fatalf("no ref %q pending among %q", name, h.effects.Refs)
}

func (h *host) ended() bool { return h.effects.Continuation == nil }

// sagaScript is a run of the saga with a timeout, a failed reservation and compensations.
func sagaScript(h *host) {
	h.t.Helper()
	if err := h.start(`{"user":"ann","city":"Rome","nights":2}`); err != nil {
		h.t.Fatal(err)
	}
	h.settle("book", `"value":"f1"`)
	h.settle("sleep", `"value":null`)
	h.settle("book", `"value":"h1"`)
	h.settle("book", `"error":"no cars"`)
	h.settle("sleep", `"value":null`)
	h.settle("book", `"error":"no cars"`)
	for i := 0; !h.ended(); i++ {
		if i > 10 {
			h.t.Fatalf("saga does not end; waits for %q", h.effects.Refs)
		}
		h.settle(":", `"value":"done"`)
	}
}

func TestSagaRunsOnOneVM(t *testing.T) {
	h := newHost(t, compileFile(t, "testdata/saga.ts"))
	sagaScript(h)
	requireSagaStory(t, h.lines)
}

func requireSagaStory(t *testing.T, lines []string) {
	t.Helper()
	got := strings.Join(lines, "\n") + "\n"
	const file = "testdata/saga.story"
	want, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && *addGolden {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Each step runs in a pool of its own, over the bundle's stored bytes.
func TestSagaRunsWithAFreshVMForEveryStep(t *testing.T) {
	stored := compileFile(t, "testdata/saga.ts").Encode()
	h := &host{t: t}
	h.pool = func() *Pool {
		b, err := DecodeBundle(stored)
		if err != nil {
			t.Fatal(err)
		}
		return NewPool(b, PoolOptions{})
	}
	sagaScript(h)
	requireSagaStory(t, h.lines)
}

// One warm VM serves many threads in turn; none sees another's module variables or objects.
func TestThreadsOnOneVMDoNotMix(t *testing.T) {
	b := compileText(t, `
import * as W from "kont";
let count = 0; let names: string[] = [];
const re = /a/g;
export default async function main(name: string) {
	for (;;) {
		count++; names = [...names, name]; re.test("aaaa");
		const x: any = await W.ref();
		if (x === "stop") return [count, names.join(), re.lastIndex];
	}
}`)
	p := NewPool(b, PoolOptions{VMsMax: 1})
	defer p.Close()
	states := map[string]Effects{}
	step := uint64(0)
	do := func(thread, event string) Effects {
		step++
		e, err := p.Step(context.Background(), Input{Thread: thread, StepID: step, Continuation: states[thread].Continuation, Event: []byte(event)})
		if err != nil {
			t.Fatal(err)
		}
		states[thread] = e
		return e
	}
	threads := []string{"a", "b", "c"}
	for _, name := range threads {
		do(name, `"`+name+`"`)
	}
	for range 3 {
		for _, name := range threads {
			do(name, `{"ref":"`+states[name].Refs[0]+`","value":1}`)
		}
	}
	for _, name := range threads {
		e := do(name, `{"ref":"`+states[name].Refs[0]+`","value":"stop"}`)
		if want := `[4,"` + strings.Join([]string{name, name, name, name}, ",") + `",4]`; len(e.Outputs) != 1 || string(e.Outputs[0].Value) != want {
			t.Errorf("thread %s ended with %s, want %s", name, e.Outputs, want)
		}
	}
}

func TestEventsThatFitNothingAreUnmatched(t *testing.T) {
	b := compileText(t, `import * as W from "kont"; export default async () => W.ref()`)
	p := NewPool(b, PoolOptions{})
	defer p.Close()
	ctx := context.Background()
	e, err := p.Step(ctx, Input{Thread: "T", StepID: 1, Event: []byte(`null`)})
	if err != nil {
		t.Fatal(err)
	}
	for name, event := range map[string]string{
		"no JSON": `{`, "no object": `7`, "null": `null`, "no ref": `{"value":1}`, "ref is no string": `{"ref":1}`, "unknown ref": `{"ref":"x"}`, "empty": ``,
		"too deep": `{"ref":"1:ref:1","value":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.Step(ctx, Input{Thread: "T", StepID: 2, Continuation: e.Continuation, Event: []byte(event)})
			if !errors.Is(err, ErrUnmatched) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, event := range []string{``, `{`, `undefined`, strings.Repeat("[", 1<<20)} {
		if _, err := p.Step(ctx, Input{Thread: "T", StepID: 2, Event: []byte(event)}); !errors.Is(err, ErrUnmatched) {
			t.Errorf("start with %.20q: %v", event, err)
		}
	}
	if _, err := p.Step(ctx, Input{Thread: "T", StepID: 3, Continuation: e.Continuation, Event: []byte(`{"ref":"1:ref:1"}`)}); err != nil {
		t.Errorf("the thread is not as it was: %v", err)
	}
}

func fault(t *testing.T, err error) *Fault {
	t.Helper()
	var f *Fault
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a fault", err)
	}
	return f
}

// Whatever a step does, it ends as a fault in time, and the next step of the pool is served.
func TestPoisonProgramsAreFaults(t *testing.T) {
	for name, test := range map[string]struct {
		source string
		kind   FaultKind
		where  string
	}{
		"endless loop":         {`for (;;) {}`, FaultStuck, "app.ts:"},
		"endless jobs":         {`for (;;) await null`, FaultStuck, ""},
		"caught and continued": {`for (;;) { try { for (;;) {} } catch {} finally { for (;;) {} } }`, FaultStuck, "app.ts:"},
		"endless recursion":    {`const f = (): any => f() + 1; await W.ref(); f()`, "", ""},
		"output flood":         {`for (let i = 0; i < 20000; i++) W.output("x", "workflow-resume")`, FaultSize, ""},
		"output size":          {`for (let i = 0; i < 40; i++) W.output("x".repeat(1 << 20), "workflow-resume")`, FaultSize, ""},
		"big continuation":     {`const s = ["x".repeat(9 << 20)]; await W.ref(); return s`, FaultSize, ""},
		"undeclared topic":     {`W.output("x", "nowhere")`, FaultEffects, "app.ts:"},
		"undeclared, caught":   {`try { W.output("x", "nowhere") } catch {} await W.ref()`, FaultEffects, ""},
		"proxy in a local":     {`const view = {items: [1, new Proxy({}, {})]}; await W.ref(); return view`, FaultUnsavable, "app.ts:"},
		"growing string":       {`let s = "x"; for (;;) s += s + "y"`, "", ""},
		"growing array":        {`const a: any[] = []; for (;;) a.push([1, 2, 3])`, "", ""},
		"catastrophic regexp":  {`/(a+)+\1$/.test("a".repeat(40) + "b")`, FaultStuck, ""},
		"deep JSON":            {`JSON.parse("[".repeat(3e6))`, "", ""},
		"huge string":          {`"x".repeat(2 ** 30)`, "", ""},
		"huge buffer":          {`new ArrayBuffer(2 ** 40)`, "", ""},
		"huge typed array":     {`new Float64Array(2 ** 38)`, "", ""},
		"huge array-like":      {`new Uint8Array({ length: 2 ** 40 } as any)`, "", ""},
		"new Function":         {`const f = new (Object.getPrototypeOf(async () => {}).constructor)("return 1"); await f()`, "", ""},
		"native generator":     {`await W.ref(); Function("return 1")()`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := compileText(t, `import * as W from "kont"; export default async function main(x: any): Promise<any> { if (x === "ok") return 1; `+test.source+` }`)
			// The heap is that of the whole process: a VM that the test before has abandoned may
			// still be growing it.
			limits := Limits{StepWall: time.Minute, HeapGrowthBytesMax: 1 << 40}
			switch test.kind {
			case "":
				limits = Limits{StepWall: 5 * time.Second, HeapGrowthBytesMax: 256 << 20}
			case FaultStuck:
				limits.StepWall = 300 * time.Millisecond
			}
			p := NewPool(b, PoolOptions{Limits: limits})
			defer p.Close()
			_, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte(`null`)})
			if test.kind != "" {
				isThere := func(f *Fault) bool { return strings.Contains(strings.Join(f.Stack, "\n"), test.where) }
				f := fault(t, err)
				if f.Kind != test.kind {
					t.Errorf("fault of kind %s, want %s: %v", f.Kind, test.kind, f)
				}
				if f.Kind == FaultStuck && !isThere(f) { // it had not come so far
					f = faultOfStart(t, b, PoolOptions{Limits: limits}, "null", isThere)
				}
				if !isThere(f) {
					t.Errorf("stack %q does not show %s", f.Stack, test.where)
				}
			} else if err != nil {
				fault(t, err)
			}
			p.limits = Limits{StepWall: time.Minute, HeapGrowthBytesMax: 1 << 40}.withDefaults() // of the new VM that the next step runs in
			e, err := p.Step(context.Background(), Input{Thread: "U", StepID: 2, Event: []byte(`"ok"`)})
			if err != nil || len(e.Outputs) != 1 || string(e.Outputs[0].Value) != "1" {
				t.Errorf("the next step: %v, %v", e, err)
			}
		})
	}
}
