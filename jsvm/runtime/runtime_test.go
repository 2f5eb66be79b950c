package runtime

import (
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/dop251/goja"
)

// The tests of this package run the library without the compiler. A stand-in for the kernel drives goja's own generators, so an async function
// is written
//
//	const main = async$(function* (event) { const reply = yield W.ref("a"); return reply })
const standInKernel = `
import { newPromise, awaitValue, resolvePromise, rejectPromise, enterFrame, leaveFrame } from "./promise";
export class Frame { constructor(generator) { this.fn = 1; this.pc = 0; this.generator = generator; this.d = undefined; this.scope = undefined; this.w = undefined; this.debt = undefined } }
export const classes = { Frame };
export function resumeFrame(frame, value, mode) {
  let result;
  try { result = mode === 0 ? frame.generator.next(value) : frame.generator.throw(value) }
  catch (error) { frame.pc = -1; rejectPromise(frame.d, error); return }
  if (result.done) { frame.pc = -1; resolvePromise(frame.d, result.value) }
  else { frame.pc = 1; awaitValue(frame, result.value) }
}
export function async$(body) {
  return function (...args) {
    const frame = new Frame(body.apply(this, args));
    frame.d = newPromise();
    const outer = enterFrame(frame);
    resumeFrame(frame, undefined, 0);
    leaveFrame(outer);
    return frame.d;
  };
}
`

// overlaid reads a file from over, or else from under.
type overlaid struct{ over, under fs.FS }

func (o overlaid) Open(name string) (fs.File, error) {
	if f, err := o.over.Open(name); err == nil {
		return f, nil
	}
	return o.under.Open(name)
}

var testProgram = sync.OnceValues(func() (*goja.Program, error) {
	return compile(overlaid{fstest.MapFS{"kernel.ts": {Data: []byte(standInKernel)}}, sources})
})

// host is one VM with the library, and a thread "T" whose first step is "1".
type host struct {
	t    *testing.T
	vm   *goja.Runtime
	rt   *goja.Object
	logs []string
}

// newBareHost is a VM with the library only.
func newBareHost(t *testing.T) *host {
	t.Helper()
	program, err := testProgram()
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, vm: goja.New()}
	rt, err := install(h.vm, Host{Log: func(level, text string) { h.logs = append(h.logs, level+": "+text) }}, program)
	if err != nil {
		t.Fatal(err)
	}
	h.rt = rt
	h.vm.Set("rt", rt)
	return h
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := newBareHost(t)
	h.eval(`const W = rt.kont, async$ = rt.async$, lines = []; function log(...a) { lines.push(a.map(x => typeof x === "string" ? x : rt.inspect(x)).join(" ")) }`)
	return h
}

func (h *host) eval(source string) goja.Value {
	h.t.Helper()
	v, err := h.vm.RunString(source)
	if err != nil {
		h.t.Fatalf("%v", err)
	}
	return v
}

// lines gives what log() has been called with, and forgets it.
func (h *host) lines() string {
	return h.eval(`lines.splice(0).join("\n")`).String()
}

// run loads source, which defines main, starts the thread, and gives the log, effects included.
func (h *host) run(source string) string {
	h.t.Helper()
	h.eval(`rt.begin("T", "1")`)
	h.eval(source)
	h.eval(`rt.start(main, {})`)
	return h.step()
}

// event settles a ref in the next step.
func (h *host) event(stepID, ref, value string) string {
	h.t.Helper()
	h.eval(`rt.attach(rt.thread, "T", "` + stepID + `")`)
	isError := "false"
	if v, ok := strings.CutPrefix(value, "!"); ok {
		isError, value = "true", v
	}
	if !h.eval(`rt.settle("` + ref + `", ` + isError + `, ` + value + `)`).ToBoolean() {
		return "unmatched"
	}
	return h.step()
}

// step drains and shows the log and the effects.
func (h *host) step() string {
	h.t.Helper()
	h.eval(`rt.drain(); { const e = rt.takeEffects(); for (const o of e.outputs) lines.push(o.topic + " " + o.key + " = " + o.value);
		if (e.ended) lines.push("ended"); else if (e.refs.size) lines.push("refs " + [...e.refs.keys()].join(" ")) }`)
	return h.lines()
}

func (h *host) want(got string, want ...string) {
	h.t.Helper()
	if w := strings.Join(want, "\n"); got != w {
		h.t.Errorf("got\n  %s\nwant\n  %s", strings.ReplaceAll(got, "\n", "\n  "), strings.ReplaceAll(w, "\n", "\n  "))
	}
}

func TestOneRefOneReply(t *testing.T) {
	h := newHost(t)
	h.want(h.run(`rt.setOutputTopics(["ask"]); const main = async$(function* () {
		const reply = W.ref("question");
		W.outputJSON({ref: reply.id, key: reply.key}, "ask");
		return { got: yield reply };
	})`),
		`ask T = {"ref":"1:question:1","key":"T|{\"ref\":\"1:question:1\"}"}`, `refs 1:question:1`)
	h.want(h.event("2", "nothing", "1"), "unmatched")
	h.want(h.event("2", "1:question:1", "[1]"), `workflow-result T = {"got":[1]}`, "ended")
	h.want(h.event("3", "1:question:1", "[1]"), "unmatched")
}
