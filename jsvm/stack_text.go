package jsvm

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

// The engine writes the stack of an error when it is first read, a line for each call:
//
//	\tat charge (app.ts:16:2(54))
//	\tat map (native)
//
// with columns from 0, the number of an instruction, and calls within the runtime library. Authors see the form that other engines have:
//
//	at charge (app.ts:16:3)
//	at async pay (app.ts:21:5)
var (
	engineCall  = regexp.MustCompile(`^\tat (?:(.*) \()?(.*?)(?::(\d+):(\d+)\(\d+\))?\)?$`)
	engineCalls = regexp.MustCompile(`(?:\n\tat [^\n]*(?:\(\d+\)\)?| \(native\)))+\n?`)
)

const callIndent = "\n    at "

// stackText writes each of the engine's stacks in a text anew, with who awaits after the last call of the first. The rest of the text stays.
func (l *layout) stackText(text string, awaiters []frame) string {
	if !strings.Contains(text, "\n\tat ") {
		return text
	}
	return engineCalls.ReplaceAllStringFunc(text, func(calls string) string {
		tidied := tidied{layout: l}
		for line := range strings.SplitSeq(strings.Trim(calls, "\n"), "\n") {
			if tidied.isFull() {
				break
			}
			m := engineCall.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			f := frame{function: m[1], at: Position{File: m[2]}}
			f.at.Line, _ = strconv.Atoi(m[3])
			f.at.Column, _ = strconv.Atoi(m[4])
			tidied.add(f)
		}
		var b strings.Builder
		for _, f := range append(tidied.stack(), awaiters...) {
			b.WriteString(callIndent + f.String())
		}
		awaiters = nil
		return b.String()
	})
}

// awaiters reads what trace.ts lists.
func (l *layout) awaiters(list goja.Value) []frame {
	o, ok := list.(*goja.Object)
	if !ok {
		return nil
	}
	var frames []frame
	for i := range min(lengthOf(o), stackFramesMax) {
		switch item := o.Get(indexName(i)).(type) {
		case goja.String:
			frames = append(frames, frame{function: item.String(), isAsync: true})
		case *goja.Object:
			if f, ok := l.awaiter(int(item.Get("0").ToInteger()), int(item.Get("1").ToInteger())); ok {
				frames = append(frames, f)
			}
		}
	}
	return frames
}

// awaiter is a suspended function by its number and that of its resume point.
func (l *layout) awaiter(id, pc int) (frame, bool) {
	if id < 0 || id >= len(l.functions) || pc < 0 || pc >= len(l.functions[id].points) {
		return frame{}, false
	}
	f := &l.functions[id]
	return frame{function: callName(f.id.Key), at: f.points[pc].position, isAsync: true}, true
}

// callName is what a stack calls the function with a key: its own name alone, empty for one without a name.
func callName(key string) string {
	name := key[strings.LastIndexAny(key, "#/")+1:]
	if i := strings.IndexByte(name, '~'); i > 0 {
		name = name[:i]
	}
	if strings.HasPrefix(name, "(") {
		return ""
	}
	return name
}

// bindStacks lets the library write stacks.
func (v *vm) bindStacks() error {
	return v.call("setStackText", v.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		return v.rt.ToValue(v.bundle.layout.stackText(call.Argument(0).String(), v.bundle.layout.awaiters(call.Argument(1))))
	}))
}

// awaitersNow are the functions that await what ran when the step was stopped.
func (v *vm) awaitersNow() []frame {
	v.rt.ClearInterrupt()
	return v.askAwaiters("awaitersNow")
}

// awaitersOf are the functions that await the result of a suspended one.
func (v *vm) awaitersOf(frame goja.Value) []frame { return v.askAwaiters("awaitersOf", frame) }

func (v *vm) askAwaiters(name string, args ...goja.Value) []frame {
	ask, ok := goja.AssertFunction(v.lib.Get(name))
	if !ok {
		return nil
	}
	list, err := ask(v.lib, args...)
	if err != nil { // the step is being stopped again
		return nil
	}
	return v.bundle.layout.awaiters(list)
}

// tidyStack gives an error that is saved the stack that authors see. It is short, and the engine's would be lost with the engine.
func (h *heap) tidyStack(o *goja.Object) {
	value, err := h.natives.getOwnPropertyDescriptor(nil, o, h.rt.ToValue("stack"))
	if err != nil {
		return
	}
	d, ok := value.(*goja.Object)
	if !ok {
		return
	}
	stack, ok := d.Get("value").(goja.String)
	if !ok || !strings.Contains(stack.String(), "\n\tat ") || !d.Get("writable").ToBoolean() {
		return
	}
	_ = o.Set("stack", h.layout.stackText(stack.String(), nil)) // a writable data property takes it
}
