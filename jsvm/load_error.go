package jsvm

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/compile"
)

// waitingError says that module code waits for what will not come.
type waitingError struct {
	at    Position
	cause error
}

func (e *waitingError) Error() string { return e.cause.Error() }
func (e *waitingError) Unwrap() error { return e.cause }

// blockedAt is where the first of the loading functions that wait does so.
func (v *vm) blockedAt() (at Position, ok bool) {
	thread, isThread := v.lib.Get("thread").(*goja.Object)
	if !isThread {
		return at, false
	}
	_, _ = v.heap.natives.setForEach(thread.Get("blocked"), v.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		waiting, isFrame := call.Argument(0).(*goja.Object)
		if ok || !isFrame {
			return nil
		}
		id, pc := int(waiting.Get("fn").ToInteger()), int(waiting.Get("pc").ToInteger())
		if functions := v.heap.layout.functions; id >= 0 && id < len(functions) && pc >= 0 && pc < len(functions[id].points) {
			at, ok = functions[id].points[pc].position, true
		}
		return nil
	}))
	return at, ok
}

const hintModuleCode = "module code runs at every load; what may fail or take long belongs into the entry function"

// loadError tells what went wrong while module code ran, at its place in the source.
func (b *Bundle) loadError(err error) error {
	var (
		export      *exportError
		waiting     *waitingError
		interrupted *goja.InterruptedError
		overflow    *goja.StackOverflowError
		exception   *goja.Exception
		fault       *Fault
		frames      []frame
	)
	d := Diagnostic{File: b.entry, Line: 1, Column: 1, Hint: hintModuleCode}
	switch {
	case errors.As(err, &export):
		d = b.diagnosticAt(export.look)
		d.Text, d.Hint = export.text, export.hint
	case errors.As(err, &waiting):
		d.Text, frames = "module code waits for something that no event can settle", []frame{{at: waiting.at}}
		d.Hint = "await it in the entry function"
	case errors.As(err, &interrupted):
		if !errors.As(err, &fault) {
			return err
		}
		d.Text, frames = "while the module loaded: "+strings.Replace(fault.Message, "step ran", "it ran", 1), b.framesOf(interrupted.Stack())
	case errors.As(err, &overflow):
		d.Text, frames = "while the module loaded: too many nested calls", b.framesOf(overflow.Stack())
	case errors.As(err, &exception):
		d.Text, frames = "while the module loaded: "+exceptionText(exception), b.framesOf(exception.Stack())
		if strings.Contains(d.Text, "entry function") {
			d.Hint = ""
		}
	case errors.As(err, &fault): // the engine did not say where
		d.Text = "while the modules loaded: one call of a built-in function did not end: " + strings.Replace(fault.Message, "step ran", "it ran", 1)
	default:
		return err
	}
	for _, f := range frames {
		if f.at.Line > 0 {
			d.File, d.Line, d.Column = f.at.File, f.at.Line, f.at.Column
			break
		}
	}
	return &CompileError{[]Diagnostic{d}}
}

// diagnosticAt is a diagnostic at a place that is looked for in the source, or else at the
// beginning of the entry file.
func (b *Bundle) diagnosticAt(look func(*compile.Exports) (compile.Position, bool)) Diagnostic {
	if exports, err := compile.FindExports(b.compileScript()); err == nil {
		if at, ok := look(exports); ok {
			return Diagnostic{File: at.Module, Line: at.Line, Column: at.Column}
		}
	}
	return Diagnostic{File: b.entry, Line: 1, Column: 1}
}

// stackLine is a line of an error's stack.
var stackLine = regexp.MustCompile(`(?m)^    at (?:.* \()?([^\s()]+):(\d+):(\d+)\)?$`)

// loadWarning is a line that was written to the console while the modules loaded. If it shows the stack of an error, the place is
// that of the innermost call in a source.
func (b *Bundle) loadWarning(text string) Diagnostic {
	first, _, _ := strings.Cut(text, "\n")
	d := Diagnostic{File: b.entry, Line: 1, Column: 1, Text: "while the modules loaded: " + first}
	for _, call := range stackLine.FindAllStringSubmatch(text, -1) {
		if _, ok := b.Source(call[1]); ok {
			line, _ := strconv.Atoi(call[2])
			column, _ := strconv.Atoi(call[3])
			d.File, d.Line, d.Column = call[1], line, column
			break
		}
	}
	return d
}
