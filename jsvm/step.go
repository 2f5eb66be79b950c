package jsvm

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// Step runs one step: it starts a thread, or restores it, settles one ref, and runs until nothing
// is left to run. It has no effect but its answer.
//
// Errors: one that wraps ErrUnmatched if the event fits nothing; a *Fault if the step failed in
// the engine; ErrClosed; the context's.
func (p *Pool) Step(ctx context.Context, in Input) (Effects, error) {
	event, err := checkEvent(in)
	if err != nil {
		return Effects{}, err
	}
	t := task{in: in, event: event}
	if p.restore == RestoreJobs {
		return p.stepInParts(ctx, t)
	}
	a := p.run(ctx, t)
	return a.effects, a.err
}

// run gives a task to a VM and waits for what becomes of it. The time of the step is that in a VM: one that waits for a VM, or for its bundle to be
// loaded in a new one, does not run.
func (p *Pool) run(ctx context.Context, t task) answer {
	v, live, err := p.take(ctx, &t.in)
	if err != nil {
		return answer{err: err}
	}
	t.live = live
	w, began := v.watch, time.Now().Add(-t.ran)
	w.start(ctx, began)
	var a answer
	select {
	case v.tasks <- t:
	case <-v.ended: // by an interrupt, before it took the step
		why := w.stop()
		p.drop(v)
		if why == nil {
			why = faultf(FaultEngine, "the engine stopped before the step began")
		}
		return answer{err: stepError(ctx, why)}
	}
	select {
	case a = <-v.answers:
	case <-w.deaf:
		// The interrupt is not heard: the step sits in a native call.
		why := w.stop()
		p.abandon(v)
		return answer{err: stepError(ctx, why)}
	}
	a.ran = time.Since(began)
	if why := w.stop(); why != nil {
		p.drop(v)
		return interruptedAnswer(ctx, why, a)
	}
	if fault, ok := a.err.(*Fault); a.err == nil || errors.Is(a.err, ErrUnmatched) || ok && fault.isBeforeRun {
		p.give(v, a.live)
	} else {
		p.drop(v)
	}
	return a
}

// interruptedAnswer is what becomes of a step that was interrupted: nothing else of its answer can be believed. The engine drops out of whatever call
// hears the interrupt, also out of those that restore and save a thread, which may take the error for a property of what they read.
func interruptedAnswer(ctx context.Context, why *Fault, a answer) answer {
	if ctx.Err() != nil {
		return answer{err: ctx.Err()}
	}
	if fault, ok := a.err.(*Fault); ok && fault.Kind == why.Kind && fault.Message == why.Message {
		why = fault // the same, and it knows where
	}
	return answer{effects: Effects{Logs: a.effects.Logs}, err: why}
}

func stepError(ctx context.Context, why *Fault) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return why
}

// event is what a step is given, still as JSON.
type event struct{ text string }

// checkEvent refuses what goja must not even parse.
func checkEvent(in Input) (event, error) {
	e := event{string(in.Event)}
	if jsonDepth(e.text) > jsonDepthMax {
		return event{}, fmt.Errorf("%w: JSON is nested more than %d deep", ErrUnmatched, jsonDepthMax)
	}
	return e, nil
}

// step runs on the VM's goroutine. A panic of the engine becomes a fault.
func (v *vm) step(in Input, e event, live *liveThread) (effects Effects, stays *liveThread, err error) {
	defer recoverFault(&err)
	v.logs, v.logged, v.blames.made = nil, 0, 0
	thread, stepID := v.identity(in)
	if err := v.module.reset(); err != nil {
		return Effects{}, nil, v.faultOf(err)
	}
	var result *goja.Object
	if in.Continuation == nil {
		result, err = v.startThread(thread, stepID, e, in.Previous)
	} else {
		result, err = v.resumeThread(thread, stepID, e, in.Continuation, live)
	}
	if errors.Is(err, ErrUnmatched) {
		return Effects{}, live, err // nothing of the thread has changed
	}
	if err == nil {
		effects, stays, err = v.finish(in.Thread, result)
	}
	if err != nil {
		return Effects{Logs: v.logs}, nil, v.faultOf(err)
	}
	return effects, stays, nil
}

// recoverFault makes a fault of a panic of the engine.
func recoverFault(err *error) {
	if p := recover(); p != nil {
		*err = &Fault{Kind: FaultEngine, Message: fmt.Sprintf("engine panic: %v", p), Stack: goStack(debug.Stack())}
	}
}

func (v *vm) identity(in Input) (thread, stepID goja.Value) {
	return v.rt.ToValue(in.Thread), v.rt.ToValue(strconv.FormatUint(in.StepID, 10))
}

func (v *vm) startThread(thread, stepID goja.Value, e event, previous []byte) (result *goja.Object, err error) {
	argument, before, err := v.parseStart(e, previous)
	if err != nil {
		return nil, err
	}
	return object(v.startStep(v.lib, thread, stepID, v.entry, argument, before))
}

// parseStart reads the arguments of the entry function.
func (v *vm) parseStart(e event, previous []byte) (argument, before goja.Value, err error) {
	if argument, err = v.parseJSON(e.text); err != nil {
		return nil, nil, fmt.Errorf("%w: the start argument: %w", ErrUnmatched, err)
	}
	before = undefinedSelf
	if len(previous) > 0 {
		if before, err = v.parseJSON(string(previous)); err != nil {
			return nil, nil, fmt.Errorf("%w: previous: %w", ErrUnmatched, err)
		}
	}
	return argument, before, nil
}

func (v *vm) resumeThread(thread, stepID goja.Value, e event, data []byte, live *liveThread) (result *goja.Object, err error) {
	ref, isError, value, err := v.parseResume(e)
	if err != nil {
		return nil, err
	}
	var root *goja.Object
	iterators := undefinedSelf
	if live != nil {
		iterators = live.iterators
		root, err = v.again(live)
	} else {
		root, err = v.load(data)
	}
	if err != nil {
		return nil, err
	}
	if result, err = object(v.resumeStep(v.lib, root, thread, stepID, ref, v.rt.ToValue(isError), value, iterators)); result == nil && err == nil {
		return nil, fmt.Errorf("%w: ref %q is not pending", ErrUnmatched, ref)
	}
	return result, err
}

// parseResume reads {"ref", "value"} or {"ref", "error"}. An event with both is an error.
func (v *vm) parseResume(e event) (ref goja.Value, isError bool, value goja.Value, err error) {
	if ref, isError, value = v.parseEnvelope(e.text); ref != nil {
		return ref, isError, value, nil
	}
	return v.parseAnyResume(e)
}

// parseAnyResume is parseResume by way of an object.
func (v *vm) parseAnyResume(e event) (ref goja.Value, isError bool, value goja.Value, err error) {
	parsed, err := v.parseJSON(e.text)
	if err != nil {
		return nil, false, nil, fmt.Errorf("%w: %w", ErrUnmatched, err)
	}
	o, ok := parsed.(*goja.Object)
	if !ok || o.ClassName() != "Object" {
		return nil, false, nil, fmt.Errorf("%w: it is no object", ErrUnmatched)
	}
	var hasRef bool
	for _, key := range o.GetOwnPropertyNames() { // inherited names do not count
		switch key {
		case "ref":
			ref = o.Get(key)
			_, hasRef = ref.(goja.String)
		case "value":
			if !isError {
				value = o.Get(key)
			}
		case "error":
			isError, value = true, o.Get(key)
		}
	}
	if !hasRef {
		return nil, false, nil, fmt.Errorf("%w: it has no ref", ErrUnmatched)
	}
	if value == nil {
		value = undefinedSelf
	}
	return ref, isError, value, nil
}

// finish reads what the library says of a step and saves the thread. It stays alive if it goes on.
func (v *vm) finish(thread string, o *goja.Object) (_ Effects, _ *liveThread, err error) {
	effects := Effects{Logs: v.logs, ResultTopic: o.Get("resultTopic").String(), ErrorTopic: o.Get("errorTopic").String()}
	outputs, ok := o.Get("outputs").(*goja.Object)
	if !ok {
		return Effects{}, nil, faultf(FaultIncompatible, "the list of output records is malformed")
	}
	if effects.Outputs, err = v.outputs(outputs); err != nil {
		return Effects{}, nil, err
	}
	if o.Get("ended").ToBoolean() {
		return effects, nil, v.module.unchanged()
	}
	if effects.Refs, err = v.keysOf(o.Get("refs")); err != nil {
		return Effects{}, nil, faultf(FaultIncompatible, "the list of refs is malformed: %v", err)
	}
	root, ok := o.Get("thread").(*goja.Object)
	if !ok {
		return Effects{}, nil, fmt.Errorf("the library gives no thread")
	}
	data, changed, err := v.save(root)
	if err != nil {
		return Effects{}, nil, err
	}
	if len(data) > v.limits.ContinuationBytesMax {
		return Effects{}, nil, faultf(FaultSize, "continuation of %d bytes, at most %d", len(data), v.limits.ContinuationBytesMax)
	}
	effects.Continuation = append(make([]byte, 0, len(data)), data...)
	if !v.keepsLive {
		return effects, nil, nil
	}
	return effects, v.leave(thread, data, root, changed, o.Get("atWork")), nil
}

// keysOf lists the keys of a Map.
func (v *vm) keysOf(m goja.Value) ([]string, error) {
	if v.takeKey == nil {
		v.takeKey = v.rt.ToValue(func(call goja.FunctionCall) goja.Value {
			v.keys = append(v.keys, call.Argument(1).String())
			return nil
		})
	}
	v.keys = nil
	_, err := v.heap.natives.mapForEach(m, v.takeKey)
	keys := v.keys
	v.keys = nil
	return keys, err
}

func (v *vm) outputs(list *goja.Object) ([]Output, error) {
	n := lengthOf(list)
	if n > v.limits.OutputsMax {
		return nil, faultf(FaultSize, "%d output records in one step, at most %d", n, v.limits.OutputsMax)
	}
	var outputs []Output
	total := 0
	for i := range n {
		out, ok := outputOf(list.Get(indexName(i)))
		if !ok {
			return nil, faultf(FaultIncompatible, "output record %d is malformed", i)
		}
		total += len(out.Key) + len(out.Value)
		outputs = append(outputs, out)
	}
	if total > v.limits.OutputBytesMax {
		return nil, faultf(FaultSize, "%d bytes of output records in one step, at most %d", total, v.limits.OutputBytesMax)
	}
	return outputs, nil
}

// lengthOf is the length of an array.
func lengthOf(o *goja.Object) int {
	if n := o.Get("length"); n != nil {
		return int(n.ToInteger())
	}
	return 0
}

// outputOf reads a record that the library wrote; a damaged continuation may have put anything in its place.
func outputOf(v goja.Value) (out Output, ok bool) {
	o, ok := v.(*goja.Object)
	if !ok {
		return Output{}, false
	}
	var value string
	for _, field := range []struct {
		name string
		to   *string
	}{{"topic", &out.Topic}, {"key", &out.Key}, {"value", &value}} {
		text, ok := o.Get(field.name).(goja.String)
		if !ok {
			return Output{}, false
		}
		*field.to = text.String()
	}
	out.Value = []byte(value)
	return out, true
}

// faultOf turns an error of the engine into a fault with places in the author's source.
func (v *vm) faultOf(err error) *Fault {
	var interrupted *goja.InterruptedError
	if errors.As(err, &interrupted) {
		if why, ok := interrupted.Value().(*Fault); ok {
			f := *why
			f.Stack = texts(append(v.bundle.framesOf(interrupted.Stack()), v.awaitersNow()...))
			return &f
		}
	}
	var overflow *goja.StackOverflowError
	if errors.As(err, &overflow) {
		return &Fault{Kind: FaultEngine, Message: fmt.Sprintf("calls nested more than %d deep", v.limits.CallDepthMax), Stack: texts(append(v.bundle.framesOf(overflow.Stack()), v.awaitersNow()...))}
	}
	var exception *goja.Exception
	if errors.As(err, &exception) {
		return &Fault{Kind: FaultEffects, Message: exceptionText(exception), Stack: v.bundle.stackOf(exception.Stack())}
	}
	if errors.Is(err, continuation.ErrMalformed) || errors.Is(err, continuation.ErrVersion) || errors.Is(err, continuation.ErrDictionary) {
		return &Fault{Kind: FaultIncompatible, Message: err.Error()}
	}
	fault := faultOf(err)
	var unsavable *UnsavableError
	if errors.As(err, &unsavable) && unsavable.frame != nil {
		fault.Stack = append(fault.Stack, texts(v.awaitersOf(unsavable.frame))...)
	}
	return fault
}

// exceptionText is what String(error) gives, without running code of the workflow.
func exceptionText(e *goja.Exception) string {
	if o, ok := e.Value().(*goja.Object); ok && o.ClassName() == "Error" {
		name, message := o.Get("name"), o.Get("message")
		if name != nil && message != nil {
			return name.String() + ": " + message.String()
		}
	}
	if v := e.Value(); v != nil {
		return v.String()
	}
	return e.Error()
}
