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

// tidied is a stack without what belongs to the runtime library, each place as editors count. The positions went through the bundle's source map already.
type tidied struct {
	layout *layout
	frames []frame
}

// add takes the next frame outwards.
func (t *tidied) add(f frame) {
	isNative := f.at.File == "native"
	if strings.HasPrefix(f.function, "%") {
		f.function = ""
	}
	switch {
	case isNative && (f.function == "" || strings.ContainsAny(f.function, "/.")): // of the host program
		return
	case isNative:
		f.at = Position{}
	case isLibrary(f.at.File) || f.at.Line == 0:
		return
	case f.at.File != scriptName:
		f.at.Column++ // goja counts mapped columns from 0
	}
	// An async function or a generator is compiled to two functions, and its first step is a call of the one by the other, which is of no use to the author.
	if n := len(t.frames); n > 0 && !isNative && f.function == t.frames[n-1].function && t.layout.starts[f.at] {
		return
	}
	t.frames = append(t.frames, f)
}

// isFull: what may still come changes nothing. Stacks are up to thousands of calls deep, and errors may be thrown in a loop.
func (t *tidied) isFull() bool {
	n := len(t.frames)
	return n > stackFramesMax && t.frames[n-1].at.Line > 0
}

// stack is what has been taken, but for natives at the end, which only the library has called.
func (t *tidied) stack() []frame {
	stack := t.frames
	for n := len(stack); n > 0 && stack[n-1].at.Line == 0; n-- {
		stack = stack[:n-1]
	}
	return stack[:min(len(stack), stackFramesMax)]
}

// framesOf lists the places of a goja stack in the author's source, innermost first.
func (b *Bundle) framesOf(frames []goja.StackFrame) []frame {
	tidied := tidied{layout: b.layout}
	for _, f := range frames {
		p := f.Position()
		tidied.add(frame{function: f.FuncName(), at: Position{File: p.Filename, Line: p.Line, Column: p.Column}})
	}
	return tidied.stack()
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
