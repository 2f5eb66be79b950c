package jsvm

import (
	"strings"

	"github.com/dop251/goja"
)

// stackFramesMax bounds a stack.
const stackFramesMax = 32

// frame is one line of a stack.
type frame struct {
	function string   // "" for one without a name
	at       Position // without a line: a native function, or a combinator
	isAsync  bool     // it awaits the one above
}

func (f frame) String() string {
	switch {
	case f.isAsync && f.at.Line == 0:
		return "async " + f.function
	case f.isAsync:
		return "async " + frameText(f.function, f.at)
	case f.at.Line == 0:
		return f.function + " (native)"
	}
	return frameText(f.function, f.at)
}

// isLibrary: the runtime library's code, and the engine's call of it.
func isLibrary(file string) bool { return file == "" || file == "kont.js" || file == "natives.js" }

// tidy leaves out what belongs to the runtime library and gives the rest its place as editors count. The positions went through the
// bundle's source map already.
func (l *layout) tidy(raw []frame) []frame {
	var stack []frame
	for _, f := range raw {
		isNative := f.at.File == "native"
		if strings.HasPrefix(f.function, "%") {
			f.function = ""
		}
		switch {
		case isNative && (f.function == "" || strings.ContainsAny(f.function, "/.")): // of the host program
			continue
		case isNative:
			f.at = Position{}
		case isLibrary(f.at.File) || f.at.Line == 0:
			continue
		case f.at.File != scriptName:
			f.at.Column++ // goja counts mapped columns from 0
		}
		if n := len(stack); n > 0 && !isNative && f.function == stack[n-1].function && l.isStart(f.at) {
			continue
		}
		stack = append(stack, f)
	}
	for n := len(stack); n > 0 && stack[n-1].at.Line == 0; n-- { // natives that only the library has called
		stack = stack[:n-1]
	}
	return stack[:min(len(stack), stackFramesMax)]
}

// isStart: an async function or a generator begins there. It is compiled to two functions, and its
// first step is a call of the one by the other, which is of no use to the author.
func (l *layout) isStart(at Position) bool {
	for i := range l.functions {
		if points := l.functions[i].points; len(points) > 0 && points[0].position == at {
			return true
		}
	}
	return false
}

// framesOf lists the places of a goja stack in the author's source, innermost first.
func (b *Bundle) framesOf(frames []goja.StackFrame) []frame {
	raw := make([]frame, 0, len(frames))
	for _, f := range frames {
		p := f.Position()
		raw = append(raw, frame{function: f.FuncName(), at: Position{File: p.Filename, Line: p.Line, Column: p.Column}})
	}
	return b.layout.tidy(raw)
}

// stackOf is framesOf for people.
func (b *Bundle) stackOf(frames []goja.StackFrame) []string { return texts(b.framesOf(frames)) }

func texts(frames []frame) []string {
	var lines []string
	for _, f := range frames {
		lines = append(lines, f.String())
	}
	return lines
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
