package jsvm

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

var addGolden = flag.Bool("add-golden", false, "write golden files that are missing; existing ones are never changed")

func asCompileError(err error, target **CompileError) bool { return errors.As(err, target) }

// golden is a thread as an earlier build has stored it, and how it must go on.
type golden struct {
	About        string   `json:"about"`
	Bundle       []byte   `json:"bundle"`
	Continuation []byte   `json:"continuation"`
	Event        string   `json:"event"`
	Outputs      []string `json:"outputs"`
	Refs         []string `json:"refs"`
	Waits        []string `json:"waits"` // function and position of each waiting frame before the event
}

func (g *golden) run(t *testing.T) (outputs, refs, waits []string) {
	t.Helper()
	b, err := DecodeBundle(g.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	in, err := b.Inspect(g.Continuation)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range in.Waiting {
		waits = append(waits, w.Function+" "+w.Await.String())
	}
	p := NewPool(b, PoolOptions{})
	defer p.Close()
	e, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1000, Continuation: g.Continuation, Event: []byte(g.Event)})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range e.Outputs {
		outputs = append(outputs, o.Topic+" "+o.Key+" "+string(o.Value))
	}
	return outputs, e.Refs, waits
}

// Every continuation in testdata/continuations was written by some build; all later ones must resume it.
func TestGoldenContinuationsResume(t *testing.T) {
	if *addGolden {
		writeGoldens(t)
	}
	files, err := filepath.Glob("testdata/continuations/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden continuations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := json.Unmarshal(text, &g); err != nil {
				t.Fatal(err)
			}
			outputs, refs, waits := g.run(t)
			requireSame(t, "outputs", outputs, g.Outputs)
			requireSame(t, "refs", refs, g.Refs)
			requireSame(t, "waits", waits, g.Waits)
		})
	}
}

// Together the goldens have every kind of object and of resume point, so that a later build has to read each of them.
func TestGoldenContinuationsHaveEveryKind(t *testing.T) {
	files, _ := filepath.Glob("testdata/continuations/*.json")
	kinds, points := map[continuation.Kind]bool{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var stored golden
		if err := json.Unmarshal(text, &stored); err != nil {
			t.Fatal(err)
		}
		b, err := DecodeBundle(stored.Bundle)
		if err != nil {
			t.Fatal(err)
		}
		g := &continuation.Graph{}
		if err := decodeFor(b, g, stored.Continuation); err != nil {
			t.Fatal(err)
		}
		for i := range g.Nodes {
			n := &g.Nodes[i]
			kinds[n.Kind] = true
			if n.Kind == continuation.Frame {
				key := g.Text(n.Text)
				if at := strings.IndexAny(key, "-@"); at > 0 {
					key = key[:at+1]
				}
				points[key] = true
			}
		}
	}
	for kind := continuation.Object; kind.String() != "unknown kind"; kind++ {
		if !kinds[kind] {
			t.Errorf("no golden continuation has a %s", kind)
		}
	}
	for _, point := range []string{"await-", "await@", "yield-", "yield@", "yield*-", "yield*@", "start", "start~2", "end"} {
		if !points[point] {
			t.Errorf("no golden continuation has a frame at %s", point)
		}
	}
}

func requireSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func writeGoldens(t *testing.T) {
	saga, err := os.ReadFile("testdata/saga.ts")
	if err != nil {
		t.Fatal(err)
	}
	values, err := os.ReadFile("testdata/values.ts")
	if err != nil {
		t.Fatal(err)
	}
	functions, err := os.ReadFile("testdata/functions.ts")
	if err != nil {
		t.Fatal(err)
	}
	prototypes, err := os.ReadFile("testdata/prototypes.ts")
	if err != nil {
		t.Fatal(err)
	}
	builtins, err := os.ReadFile("testdata/builtins.ts")
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := os.ReadFile("testdata/kinds.ts")
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]struct {
		about, source string
		events        []string
	}{
		"saga": {"the saga, waiting for the third leg, with compensations to come", string(saga), []string{`{"user":"ann","city":"Rome","nights":2}`, `{"ref":"1:book:1","value":"f1"}`, `{"ref":"2:sleep:2"}`, `{"ref":"3:book:1","value":"h1"}`, `{"ref":"4:book:1","value":"c1"}`}},
		// functions-1 is of the build before generators had prototypes and arrows called super.
		"functions":  {"generators, classes and closures, part-way", string(functions), []string{`null`, `{"ref":"1:ref:1","value":21}`}},
		"prototypes": {"prototype objects, and arrows that call super", string(prototypes), []string{`null`, `{"ref":"1:ref:1","value":21}`}},
		"values":     {"one value of every kind that can be kept", string(values), []string{`null`, `{"ref":"1:ref:1","value":1}`}},
		"builtins":   {"an object of every family of built-ins", string(builtins), []string{`null`, `{"ref":"1:item:2","value":5}`, `{"ref":"1:answer:3","value":"w"}`}},
		"kinds":      {"every kind of object, of frame and of resume point that a continuation can have, labels among them", string(kinds), []string{`null`, `{"ref":"1:first:5","value":1}`}},
	} {
		file := filepath.Join("testdata/continuations", name+"-1.json")
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		b, err := Compile(context.Background(), CompileOptions{Entry: name + ".ts", Files: mapFile(name+".ts", g.source)})
		if err != nil {
			t.Fatal(err)
		}
		h := newHost(t, b)
		if err := h.start(g.events[0]); err != nil {
			t.Fatal(err)
		}
		last := len(g.events) - 1
		for _, e := range g.events[1:last] {
			if err := h.send(e); err != nil {
				t.Fatal(err)
			}
		}
		out := golden{About: g.about, Bundle: b.Encode(), Continuation: h.effects.Continuation, Event: g.events[last]}
		out.Outputs, out.Refs, out.Waits = out.run(t)
		text, err := json.MarshalIndent(out, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Each step in a process of its own, with nothing but bytes between them.
func TestSagaRunsInAProcessForEveryStep(t *testing.T) {
	if job := os.Getenv("KONT_JSVM_STEP"); job != "" {
		stepInThisProcess(t, job)
		return
	}
	dir := t.TempDir()
	stored := compileFile(t, "testdata/saga.ts").Encode()
	h := &host{t: t}
	h.remote = func(in Input) (Effects, error) {
		job := filepath.Join(dir, "job.json")
		text, _ := json.Marshal(processJob{Bundle: stored, Input: in})
		if err := os.WriteFile(job, text, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestSagaRunsInAProcessForEveryStep$")
		cmd.Env = append(os.Environ(), "KONT_JSVM_STEP="+job)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		answer, err := os.ReadFile(job + ".out")
		if err != nil {
			t.Fatal(err)
		}
		var e Effects
		return e, json.Unmarshal(answer, &e)
	}
	sagaScript(h)
	requireSagaStory(t, h.lines)
}

type processJob struct {
	Bundle []byte
	Input  Input
}

func stepInThisProcess(t *testing.T, job string) {
	text, err := os.ReadFile(job)
	if err != nil {
		t.Fatal(err)
	}
	var j processJob
	if err := json.Unmarshal(text, &j); err != nil {
		t.Fatal(err)
	}
	b, err := DecodeBundle(j.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewPool(b, PoolOptions{}).Step(context.Background(), j.Input)
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := json.Marshal(e)
	if err := os.WriteFile(job+".out", answer, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBundlesSurviveEncoding(t *testing.T) {
	b := compileFile(t, "testdata/saga.ts")
	again, err := DecodeBundle(b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if b.Hash() != again.Hash() || strings.Join(again.OutputTopics(), " ") != "reserve undo" || again.Entry() != "saga.ts" {
		t.Errorf("hash %x, topics %v, entry %s", again.Hash(), again.OutputTopics(), again.Entry())
	}
	if same := compileFile(t, "testdata/saga.ts"); same.Hash() != b.Hash() {
		t.Errorf("compiled twice: %x and %x", b.Hash(), same.Hash())
	}
	data := b.Encode()
	for n := 0; n < len(data); n += 1 + len(data)/50 {
		if _, err := DecodeBundle(data[:n]); !errors.Is(err, ErrBundle) {
			t.Errorf("the first %d of %d bytes: %v", n, len(data), err)
		}
	}
	if _, err := DecodeBundle(append([]byte{9}, data[1:]...)); err == nil || !strings.Contains(err.Error(), "version 9, newest known is 1") {
		t.Errorf("another version: %v", err)
	}
}

// A VM finds intrinsics by the steps that the first one took; the library's own walk is the oracle.
func TestIntrinsicsHaveTheLibrarysNames(t *testing.T) {
	b := compileText(t, smallWorkflow)
	v := &vm{bundle: b, rt: goja.New(), limits: Limits{}.withDefaults()}
	if err := v.install(world{}); err != nil {
		t.Fatal(err)
	}
	objects, table, err := v.nameIntrinsics()
	if err != nil {
		t.Fatal(err)
	}
	byName := v.lib.Get("intrinsics").(*goja.Object)
	count := 0
	for i, e := range table.entries {
		if byName.Get(e.name) != goja.Value(objects[i]) {
			t.Errorf("%s is another object", e.name)
		}
		count++
	}
	for _, name := range byName.GetOwnPropertyNames() {
		if o, ok := byName.Get(name).(*goja.Object); ok && v.heap.names[o] != name {
			t.Errorf("%s is called %q", name, v.heap.names[o])
		}
	}
	if count < 500 {
		t.Errorf("only %d intrinsics", count)
	}
}

func TestPoolServesManyThreadsAtOnce(t *testing.T) {
	b := compileText(t, smallWorkflow)
	p := NewPool(b, PoolOptions{VMsMax: 3})
	defer p.Close()
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			var e Effects
			var err error
			thread := string(rune('a' + worker))
			for step := range 40 {
				in := Input{Thread: thread, StepID: uint64(worker*1000 + step), Event: []byte(`{"id":1,"qty":2}`)}
				if step > 0 {
					in.Continuation, in.Event = e.Continuation, []byte(`{"ref":"`+e.Refs[0]+`","value":{"n":1}}`)
				}
				if e, err = p.Step(context.Background(), in); err != nil {
					t.Errorf("thread %s step %d: %v", thread, step, err)
					return
				}
			}
			e, err = p.Step(context.Background(), Input{Thread: thread, StepID: 9, Continuation: e.Continuation, Event: []byte(`{"ref":"` + e.Refs[0] + `","value":{"stop":true}}`)})
			if err != nil || len(e.Outputs) != 1 || string(e.Outputs[0].Value) != `{"total":45,"tries":39,"label":"order-1"}` {
				t.Errorf("thread %s ended with %s, %v", thread, e.Outputs, err)
			}
		})
	}
	wg.Wait()
}

func TestStepsHeedTheContextAndClose(t *testing.T) {
	b := compileText(t, `export default async function main() { for (;;) {} }`)
	p := NewPool(b, PoolOptions{VMsMax: 1})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Step(ctx, Input{Thread: "T", StepID: 1, Event: []byte(`null`)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	p.Close()
	if _, err := p.Step(context.Background(), Input{Thread: "T", StepID: 2, Event: []byte(`null`)}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
