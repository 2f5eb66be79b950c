package jsvm

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

var (
	liveStories = flag.Int("live-stories", 6, "how many random stories of live threads")
	liveSeed    = flag.Uint64("live-seed", 1, "seed of the first random story of live threads")
)

// everythingOperations are those of testdata/everything.ts, and some that fail.
var everythingOperations = []string{"module", "regexp", "closure", "walkMap", "walkSet", "walkList", "walkOn", "walkOn", "walkOn", "walkAndDelete", "walkAndDelete", "grow",
	"grow", "shrink", "leave", "count", "count", "uncount", "cart", "weak", "fail", "failed", "symbol", "accessor", "freeze", "define", "bytes", "values", "valuesAgain", "bind", "prototype",
	"branch", "race", "all", "scope", "cancel", "settled", "box", "config", "random", "loop", "loop", "next", "unknown", "stop"}

// story steps some threads at random, as hosts do: events that fit and that do not, starts over running threads, continuations of
// an earlier step because the commit of a later one was refused.
type story struct {
	random  *rand.Rand
	name    string
	step    uint64
	threads map[string][]Effects // what each was at, the last step at the end; as long as it runs
}

func newStory(seed uint64, name string) *story {
	return &story{random: rand.New(rand.NewPCG(seed, 0)), name: name, threads: map[string][]Effects{}}
}

// next is a step to run.
func (s *story) next() Input {
	r := s.random
	s.step++
	thread := fmt.Sprintf("%s%d", s.name, r.IntN(4))
	in := Input{Thread: thread, StepID: s.step, Event: []byte(`"` + thread + `"`)}
	states := s.threads[thread]
	if len(states) == 0 || r.IntN(40) == 0 {
		return in
	}
	if r.IntN(8) == 0 {
		states = states[:1+r.IntN(len(states))]
		s.threads[thread] = states
	}
	at := states[len(states)-1]
	in.Continuation = at.Continuation
	switch r.IntN(25) {
	case 0:
		in.Event = []byte(`{"ref":"nobody"}`)
	case 1:
		in.Event = []byte(`{"ref":`)
	default:
		ref, _ := json.Marshal(at.Refs[r.IntN(len(at.Refs))])
		operation := everythingOperations[r.IntN(len(everythingOperations))]
		if operation == "stop" && r.IntN(4) > 0 {
			operation = "drop"
		}
		kind := "value"
		if r.IntN(20) == 0 {
			kind = "error"
		}
		in.Event = fmt.Appendf(nil, `{"ref":%s,"%s":{"do":"%s","n":%d}}`, ref, kind, operation, r.IntN(9))
	}
	return in
}

func (s *story) note(in Input, e Effects, err error) {
	switch states := s.threads[in.Thread]; {
	case err != nil: // nothing has changed
	case e.Continuation == nil:
		delete(s.threads, in.Thread)
	case in.Continuation == nil:
		s.threads[in.Thread] = []Effects{e}
	default:
		s.threads[in.Thread] = append(states[max(0, len(states)-5):], e)
	}
}

// requireSameStep runs a step in two pools.
func requireSameStep(t *testing.T, seed uint64, in Input, live, twin *Pool) (Effects, error) {
	t.Helper()
	got, gotErr := live.Step(context.Background(), in)
	want, wantErr := twin.Step(context.Background(), in)
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		t.Fatalf("seed %d: step %d of %s, %s: alive %v, restored %v", seed, in.StepID, in.Thread, in.Event, gotErr, wantErr)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("seed %d: step %d of %s, %s:\nalive    %s\nrestored %s", seed, in.StepID, in.Thread, in.Event, effectsText(twin.Bundle(), got), effectsText(twin.Bundle(), want))
	}
	return got, gotErr
}

func effectsText(b *Bundle, e Effects) string {
	var g continuation.Graph
	if e.Continuation == nil {
		return fmt.Sprintf("%s %v", e.Outputs, e.Logs)
	}
	if err := decodeFor(b, &g, e.Continuation); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s %v %v\n%s", e.Outputs, e.Logs, e.Refs, g.Dump())
}

func everything(t testing.TB) *Bundle { return compileFile(t, "testdata/everything.ts") }

// A pool that keeps threads alive answers every step with the same bytes as one that restores them, and as a fresh VM.
func TestLiveThreadsCannotBeToldFromRestoredOnes(t *testing.T) {
	b := everything(t)
	for i := range *liveStories {
		seed := *liveSeed + uint64(i)
		live := NewPool(b, PoolOptions{VMsMax: 1 + i%2, LiveThreadsMax: 1 + i%5})
		warm := NewPool(b, PoolOptions{VMsMax: 1})
		s := newStory(seed, "t")
		steps, hits := 300, 0
		for n := range steps {
			in := s.next()
			if l := live.idle.peek(in.Thread); l != nil && l.is(in.Continuation) {
				hits++
			}
			twin := warm
			if n%100 == 99 {
				twin = NewPool(b, PoolOptions{})
			}
			e, err := requireSameStep(t, seed, in, live, twin)
			if twin != warm {
				twin.Close()
			}
			s.note(in, e, err)
		}
		if hits < steps/20 {
			t.Errorf("seed %d: only %d of %d steps found their thread alive", seed, hits, steps)
		}
		live.Close()
		warm.Close()
	}
}

// peek is the live thread of a key, which stays where it is.
func (s *shelf) peek(thread string) *liveThread {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.live.byThread[thread]; ok {
		return e.Value.(*liveThread)
	}
	return nil
}

// Many goroutines step their own threads in one pool; so VMs are busy, live threads are given up, and VMs are dropped with threads in them.
func TestLiveThreadsOfManyStepsAtOnce(t *testing.T) {
	b := everything(t)
	live := NewPool(b, PoolOptions{VMsMax: 3, LiveThreadsMax: 8, LiveBytesMax: 1 << 20})
	defer live.Close()
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			twin := NewPool(b, PoolOptions{VMsMax: 1})
			defer twin.Close()
			s := newStory(*liveSeed+uint64(g), fmt.Sprintf("g%d-", g))
			for range 150 {
				in := s.next()
				got, gotErr := live.Step(context.Background(), in)
				want, wantErr := twin.Step(context.Background(), in)
				if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
					t.Errorf("step %d of %s, %s:\nalive    %s %v\nrestored %s %v", in.StepID, in.Thread, in.Event, effectsText(b, got), gotErr, effectsText(b, want), wantErr)
					return
				}
				s.note(in, got, gotErr)
			}
		})
	}
	wait.Wait()
}

// stepper runs steps of a pool and fails the test where one fails.
func stepper(t *testing.T, p *Pool) func(thread string, at Effects, event string) Effects {
	step := uint64(0)
	return func(thread string, at Effects, event string) Effects {
		t.Helper()
		step++
		e, err := p.Step(context.Background(), Input{Thread: thread, StepID: step, Continuation: at.Continuation, Event: []byte(event)})
		if err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		return e
	}
}

func answerWith(e Effects, value string) string {
	return `{"ref":"` + e.Refs[0] + `","value":` + value + `}`
}

// The host has the last word on what a thread is: the objects of a step that it refused are never seen again.
func TestRefusedStepLeavesNothingAlive(t *testing.T) {
	p := NewPool(compileText(t, `import * as W from "kont";
let total = 0;
export default async function main() { const list: any[] = []; for (;;) { const x: any = await W.ref(); list.push(x); total += x; if (x === 0) return [list, total] } }`), PoolOptions{VMsMax: 1, LiveThreadsMax: 10})
	defer p.Close()
	do := stepper(t, p)
	first := do("T", Effects{}, "null")
	second := do("T", first, answerWith(first, "1"))
	refused := do("T", second, answerWith(second, "20"))
	if l := p.idle.peek("T"); l == nil || !l.is(refused.Continuation) {
		t.Fatal("the thread is not alive: the test shows nothing")
	}
	third := do("T", second, answerWith(second, "300"))
	end := do("T", third, answerWith(third, "0"))
	if got, want := string(end.Outputs[0].Value), "[[1,300,0],301]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if l := p.idle.peek("T"); l != nil {
		t.Error("a thread that has ended is alive")
	}
}

// An event that fits nothing leaves a live thread as it is, also the id of its last step, which the numbers of its refs go by.
func TestUnmatchedEventLeavesALiveThreadAsItIs(t *testing.T) {
	b := compileText(t, `import * as W from "kont";
export default async function main() { for (;;) { const x: any = await W.ref(); W.outputJSON([W.stepId, x], "workflow-resume") } }`)
	live, twin := NewPool(b, PoolOptions{VMsMax: 1, LiveThreadsMax: 1}), NewPool(b, PoolOptions{VMsMax: 1})
	defer live.Close()
	defer twin.Close()
	e, _ := requireSameStep(t, 0, Input{Thread: "T", StepID: 1, Event: []byte("null")}, live, twin)
	for _, event := range []string{`{"ref":"x"}`, `{"ref":`, `7`, strings.Repeat("[", 1<<20)} {
		requireSameStep(t, 0, Input{Thread: "T", StepID: 2, Continuation: e.Continuation, Event: []byte(event)}, live, twin)
		if l := live.idle.peek("T"); l == nil || !l.is(e.Continuation) {
			t.Errorf("after %.20s the thread is alive no more", event)
		}
	}
	requireSameStep(t, 0, Input{Thread: "T", StepID: 1, Continuation: e.Continuation, Event: []byte(answerWith(e, "5"))}, live, twin) // the id of the step before, again
}

// A package may hand one object to many threads, out of a cache. Each has a copy from its next step on, whatever is kept in memory.
func TestThreadsShareNothingThatAPackageKeeps(t *testing.T) {
	b := compilePackages(t, `import * as W from "kont"; import { get } from "cache";
export default async function main(name: string) { const one: any = get("one"); one.by = name; await W.ref(); return [one.by, one === get("one")] }`,
		"cache", `const known = new Map(); export function get(key) { if (!known.has(key)) known.set(key, {}); return known.get(key) }`)
	p := NewPool(b, PoolOptions{VMsMax: 1, LiveThreadsMax: 10})
	defer p.Close()
	do := stepper(t, p)
	first, second := do("A", Effects{}, `"A"`), do("B", Effects{}, `"B"`)
	for name, at := range map[string]Effects{"A": first, "B": second} {
		if got, want := string(do(name, at, answerWith(at, "1")).Outputs[0].Value), `["`+name+`",false]`; got != want {
			t.Errorf("thread %s: got %s, want %s", name, got, want)
		}
	}
}

// A fault takes the VM with it, and all threads that were alive there.
func TestFaultGivesUpTheThreadsOfItsVM(t *testing.T) {
	p := NewPool(compileText(t, `import * as W from "kont";
export default async function main(name: string) { for (;;) { if (await W.ref() === "fault") W.output("", "undeclared") } }`), PoolOptions{VMsMax: 1, LiveThreadsMax: 10})
	defer p.Close()
	do := stepper(t, p)
	a, b := do("A", Effects{}, "null"), do("B", Effects{}, "null")
	if _, err := p.Step(context.Background(), Input{Thread: "A", StepID: 9, Continuation: a.Continuation, Event: []byte(answerWith(a, `"fault"`))}); fault(t, err).Kind != FaultEffects {
		t.Fatal(err)
	}
	if p.idle.peek("A") != nil || p.idle.peek("B") != nil {
		t.Error("threads are alive in a VM that was dropped")
	}
	b = do("B", b, answerWith(b, `1`))
	do("A", a, answerWith(a, `1`))
	do("B", b, answerWith(b, `1`))
}

// What a pool keeps is bounded by number and by bytes, and goes with it.
func TestLiveThreadsAreBounded(t *testing.T) {
	b := compileText(t, `import * as W from "kont";
export default async function main(n: number) { const list = Array.from({ length: n }, (_, i) => ({ i })); await W.ref(); return list.length }`)
	p := NewPool(b, PoolOptions{VMsMax: 2, LiveThreadsMax: 3, LiveBytesMax: 1 << 20})
	do := stepper(t, p)
	alive := func() (names []string) {
		for e := p.idle.live.order.Front(); e != nil; e = e.Next() {
			names = append(names, e.Value.(*liveThread).thread)
		}
		return names
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		do(name, Effects{}, "10")
	}
	if got := alive(); !slices.Equal(got, []string{"d", "c", "b"}) {
		t.Errorf("alive are %v, want the last three", got)
	}
	do("large", Effects{}, "1200")
	do("e", Effects{}, "500")
	if got := alive(); !slices.Equal(got, []string{"e"}) && !slices.Equal(got, []string{"e", "large"}) {
		t.Errorf("alive are %v, want what fits beside e", got)
	}
	if p.idle.live.bytes > 1<<20 {
		t.Errorf("%d bytes are kept", p.idle.live.bytes)
	}
	before := alive()
	do("huge", Effects{}, "100000")
	if got := alive(); !slices.Equal(got, before) {
		t.Errorf("alive are %v after a thread that is larger than all may be, before it %v", got, before)
	}
	p.Close()
	if got := alive(); len(got) > 0 {
		t.Errorf("alive are %v in a closed pool", got)
	}
}

// The bound of bytes is an estimate; it must not be far below what the heap really takes. What others have left may be freed while it is measured, each of
// it once: the middle one of some rounds counts.
func TestLiveBytesAreAboutWhatAThreadTakes(t *testing.T) {
	for name, body := range map[string]string{
		"objects":  `const kept = Array.from({ length: 200 }, (_, i) => ({ i, name: "n" + i }));`,
		"numbers":  `const kept = Array.from({ length: 2000 }, (_, i) => i * 1.5);`,
		"text":     `const kept = "xyz".repeat(20000);`,
		"closures": `const kept = Array.from({ length: 200 }, (_, i) => () => i);`,
		"maps":     `const kept = new Map(Array.from({ length: 300 }, (_, i) => [i, "v" + i]));`,
		"calls":    `const f = async (i: number) => { await W.ref("f"); return i }; const kept = Array.from({ length: 50 }, (_, i) => f(i));`,
		"small":    `const kept = 1;`,
	} {
		t.Run(name, func(t *testing.T) {
			source := `import * as W from "kont"; export default async function main() { ` + body + ` await W.ref("main"); return typeof kept }`
			p := NewPool(compileText(t, source), PoolOptions{VMsMax: 1, LiveThreadsMax: 1000, LiveBytesMax: 1 << 30})
			defer p.Close()
			do := stepper(t, p)
			do("warm", Effects{}, "null")
			waitForWorkers(t, 1, runtime.GC) // a step that was abandoned may allocate on and on
			heap := func() int {
				runtime.GC()
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return int(m.HeapAlloc)
			}
			const rounds, threads = 5, 20
			growths, counted := make([]int, rounds), p.idle.live.bytes
			for round := range rounds {
				before := heap()
				for i := range threads {
					do(fmt.Sprint("t", round, "-", i), Effects{}, "null")
				}
				growths[round] = (heap() - before) / threads
			}
			slices.Sort(growths)
			took, counted := growths[rounds/2], (p.idle.live.bytes-counted)/(rounds*threads)
			t.Logf("%d bytes a thread, counted as %d", took, counted)
			if took > 2*counted || counted > 6*took {
				t.Errorf("a thread takes %d bytes and is counted as %d", took, counted)
			}
		})
	}
}

// A loop that is left in the middle leaves an iterator behind, which nobody can reach: a live thread must not collect them, step by step.
func TestLiveThreadKeepsNoIteratorThatItCannotReach(t *testing.T) {
	p := NewPool(compileText(t, `import * as W from "kont";
export default async function main() { const map = new Map([[1, 2], [3, 4]]); let held: any; for (;;) { for (const e of map) { if (e) break } if (await W.ref(typeof held) === "hold") (held = map.keys()).next() } }`), PoolOptions{VMsMax: 1, LiveThreadsMax: 1})
	defer p.Close()
	do := stepper(t, p)
	e := do("T", Effects{}, "null")
	for _, value := range []string{"1", "2", `"hold"`, "3"} {
		e = do("T", e, answerWith(e, value))
		want := 0
		if value == `"hold"` || value == "3" {
			want = 1
		}
		got := 0
		if list, ok := p.idle.peek("T").iterators.(*goja.Object); ok {
			got = lengthOf(list)
		}
		if got != want {
			t.Errorf("after %s %d iterators are kept, want %d", value, got, want)
		}
	}
}
