package jsvm

import (
	"strings"

	"github.com/dop251/goja"
)

// stackFramesMax bounds the stack of a fault.
const stackFramesMax = 32

// frame is one call of a stack.
type frame struct {
	function string // "" for one without a name
	at       Position
}

// framesOf lists the places of a goja stack in the author's source, innermost first. The positions went
// through the bundle's source map already; what belongs to the runtime library is left out.
func (b *Bundle) framesOf(frames []goja.StackFrame) []frame {
	var stack []frame
	for _, f := range frames {
		p := f.Position()
		if p.Filename == "" || p.Filename == "kont.js" || p.Filename == "natives.js" || p.Line == 0 {
			continue
		}
		name := f.FuncName()
		if strings.HasPrefix(name, "%") {
			name = ""
		}
		column := p.Column
		if p.Filename != scriptName {
			column++ // goja counts mapped columns from 0
		}
		call := frame{name, Position{File: p.Filename, Line: p.Line, Column: column}}
		if n := len(stack); n > 0 && name == stack[n-1].function && b.isStart(call.at) {
			continue
		}
		stack = append(stack, call)
		if len(stack) == stackFramesMax {
			break
		}
	}
	return stack
}

// isStart: an async function or a generator begins there. It is compiled to two functions, and its
// first step is a call of the one by the other, which is of no use to the author.
func (b *Bundle) isStart(at Position) bool {
	for i := range b.layout.functions {
		if points := b.layout.functions[i].points; len(points) > 0 && points[0].position == at {
			return true
		}
	}
	return false
}

// stackOf is framesOf for people.
func (b *Bundle) stackOf(frames []goja.StackFrame) []string {
	var stack []string
	for _, f := range b.framesOf(frames) {
		stack = append(stack, frameText(f.function, f.at))
	}
	return stack
}

// goStack is the part of a Go stack that tells where a panic came from.
func goStack(text []byte) []string {
	var stack []string
	for _, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); strings.Contains(line, ".go:") {
			stack = append(stack, line)
		}
		if len(stack) == stackFramesMax {
			break
		}
	}
	return stack
}
