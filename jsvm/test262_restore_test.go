package jsvm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// rewritten runs the test as a workflow, nothing restored.
func (t *conformanceTest) rewritten(r *conformanceResult) {
	err := t.asWorkflow(false, false, newVM)
	if r.rewritten = err == nil; r.rewritten {
		return
	}
	switch {
	case strings.Contains(err.Error(), "EvalError"):
		r.category = outText
	case t.onBundle(false) != nil && r.plain && t.onGoja(t.body(false)) != nil:
		r.category = outFunction
	case t.onBundle(false) != nil && !r.plain:
		r.category = outPlain
	case t.onBundle(false) != nil:
		r.category = outBundled
	case t.onBundle(true) != nil:
		if err = t.asWorkflow(false, false, openVM); err == nil {
			r.rewritten, r.category = true, outFrozen
			return
		}
		r.failure = "rewritten, intrinsics open: " + err.Error()
	default:
		r.failure = "rewritten: " + err.Error()
	}
}

// restored runs the test with saving and restoring before every job. One that is not asynchronous pauses between its statements.
func (t *conformanceTest) restored(r *conformanceResult) {
	pauses := !t.Has("async")
	if pauses {
		if t.Negative != nil {
			r.category = outSync
			return
		}
	}
	err := t.asWorkflow(pauses, true, newVM)
	if r.restored = err == nil; r.restored {
		return
	}
	switch {
	case strings.Contains(err.Error(), "Proxy"):
		r.category = outProxy
	case pauses && t.onGoja(t.body(true)) != nil:
		r.category = outPauses
	default:
		r.failure = "restored: " + err.Error()
	}
}

// onBundle runs what the bundler makes of the test on plain goja.
func (t *conformanceTest) onBundle(frozen bool) error {
	built, err := t.bundled(t.entry(false))
	if err != nil {
		return err
	}
	rt := goja.New()
	defer interruptLater(rt)()
	rt.SetMaxCallStackSize(CallDepthMaxDefault)
	var lines []string
	_ = rt.Set("line", func(s string) { lines = append(lines, s) })
	// The harness and the helpers of the bundler are made before the intrinsics are frozen.
	freeze := ""
	if frozen {
		freeze = freezeIntrinsics + ";"
	}
	_, err = rt.RunString(`const console = {log: line}; const module = {exports: {}}; (function (module, exports) {"use strict";` + string(built.Script) + `
})(module, module.exports);
` + freeze + `try { (0, module.exports.default)(); } catch (e) { line("! " + String(e)); }`)
	if err != nil {
		return thrown(err)
	}
	return t.judge(t.told(lines))
}

// told reads what a test has written by $DONE, or how it ended without.
func (t *conformanceTest) told(lines []string) error {
	var ends []string
	for _, line := range lines {
		if line == "done" || strings.HasPrefix(line, "failed: ") || strings.HasPrefix(line, "! ") && !t.Has("async") {
			ends = append(ends, line)
		}
		// What a test that has come to its end leaves rejected is not looked at.
		if line == "done" && !t.Has("async") {
			break
		}
	}
	switch {
	case len(ends) > 0 && strings.HasPrefix(ends[0], "! "):
		text := ends[0][2:]
		name, _, _ := strings.Cut(text, ":")
		return &thrownError{name: name, text: text}
	case len(ends) != 1:
		return fmt.Errorf("$DONE was called %d times: %q", len(ends), lines)
	case ends[0] != "done":
		return errors.New(ends[0])
	}
	return nil
}

// asWorkflow runs the test as a thread's entry function, in a VM or from VM to VM.
func (t *conformanceTest) asWorkflow(pauses, perJob bool, make func(*Bundle, *goja.Runtime, Limits) (*vm, error)) error {
	b, err := t.compileEntry(t.entry(pauses))
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	limits := Limits{}.withDefaults()
	var vms []*vm
	for range map[bool]int{false: 1, true: 2}[perJob] {
		rt := goja.New()
		defer interruptLater(rt)()
		v, err := make(b, rt, limits)
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		vms = append(vms, v)
	}
	thread := &conformanceThread{vms: vms, vm: vms[0]}
	if err := thread.run(perJob); err != nil {
		return err
	}
	return t.judge(t.told(thread.lines))
}

// conformanceThread is a thread that moves from VM to VM.
type conformanceThread struct {
	vms   []*vm
	vm    *vm
	moves int
	lines []string
}

func (c *conformanceThread) run(perJob bool) error {
	v := c.vm
	if err := v.call("begin", v.rt.ToValue("T"), v.rt.ToValue("1")); err != nil {
		return v.faultOf(err)
	}
	if err := v.call("start", v.entry, goja.Undefined()); err != nil {
		return v.faultOf(err)
	}
	for more := perJob; more; {
		var err error
		if more, err = c.runJob(); err != nil {
			return err
		}
	}
	v = c.vm
	if !perJob {
		if err := v.call("drain"); err != nil {
			return v.faultOf(err)
		}
	}
	result, err := v.callFor("takeEffects")
	c.takeLines()
	if err != nil {
		return v.faultOf(err)
	}
	outputs, err := v.outputs(result.(*goja.Object).Get("outputs").(*goja.Object))
	if err != nil {
		return err
	}
	for _, out := range outputs {
		if out.Topic == "workflow-error" {
			var text string
			if err := json.Unmarshal(out.Value, &text); err != nil {
				return err
			}
			c.lines = append(c.lines, "! "+text)
		}
	}
	return nil
}

func (c *conformanceThread) takeLines() {
	for _, l := range c.vm.logs {
		c.lines = append(c.lines, l.Text)
	}
	c.vm.logs, c.vm.logged = nil, 0
}

// runJob runs one job, in another VM than the last.
func (c *conformanceThread) runJob() (more bool, err error) {
	c.takeLines()
	data, err := c.vm.saveWithin()
	if err != nil {
		return false, c.vm.faultOf(err)
	}
	data = append([]byte(nil), data...)
	c.moves++
	c.vm = c.vms[c.moves%len(c.vms)]
	v := c.vm
	if err := v.module.reset(); err != nil {
		return false, err
	}
	root, err := v.load(data)
	if err != nil {
		return false, v.faultOf(err)
	}
	if err := v.call("attach", root, v.rt.ToValue("T"), v.rt.ToValue("1")); err != nil {
		return false, v.faultOf(err)
	}
	drainOne, _ := goja.AssertFunction(v.lib.Get("drainOne"))
	ran, err := drainOne(v.lib)
	if err != nil {
		return false, v.faultOf(err)
	}
	return ran.ToBoolean(), nil
}

// openVM leaves the intrinsics unfrozen.
func openVM(b *Bundle, rt *goja.Runtime, limits Limits) (*vm, error) {
	return newOpenVM(b, rt, limits, world{})
}
