package jsvm

import (
	"strings"

	"github.com/dop251/goja"
)

// stackFramesMax bounds the stack of a fault.
const stackFramesMax = 32

// stackOf lists the places of a goja stack in the author's source, innermost first. The positions went
// through the bundle's source map already; what belongs to the runtime library is left out.
func (b *Bundle) stackOf(frames []goja.StackFrame) []string {
	var stack []string
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
		stack = append(stack, frameText(name, Position{File: p.Filename, Line: p.Line, Column: column}))
		if len(stack) == stackFramesMax {
			break
		}
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
