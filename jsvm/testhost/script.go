package testhost

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
	"kont/jsvm/compile"
)

// scriptName is what positions name that lead to no source.
const scriptName = "test.js"

// exportedNames are what a test can import of the test host.
var exportedNames = map[string][]string{bundle.TestModule: {"assert", "test", "workflow"}}

// stackFramesMax bounds the stack of a failure.
const stackFramesMax = 12

// source is a test file, compiled.
type source struct {
	path    string // of the file
	program *goja.Program
	entry   string            // module path of the file
	root    string            // what module paths are relative to
	modules map[string]string // texts by module path
	inputs  []string
}

// compileSource bundles and compiles a test file. An error has lines that begin with a place.
func compileSource(path string) (*source, error) {
	built, err := bundle.Build(bundle.Options{Entry: path, IsPlain: true})
	var unbundled *bundle.Error
	if errors.As(err, &unbundled) {
		return nil, placed(path, unbundled.Diagnostics)
	}
	if err != nil {
		return nil, err
	}
	s := &source{path: path, entry: built.Entry, modules: map[string]string{}, inputs: built.Inputs}
	s.root = strings.TrimSuffix(path, filepath.FromSlash(built.Entry))
	for _, m := range built.Modules {
		s.modules[m.Path] = m.Text
	}
	if len(s.modules) == 0 {
		return s, nil
	}
	s.program, err = compile.Plain(compile.Script{Name: scriptName, Text: string(built.Script), SourceMap: built.SourceMap, Modules: exportedNames})
	var uncompiled *compile.Error
	if errors.As(err, &uncompiled) {
		var found []bundle.Diagnostic
		for _, d := range uncompiled.Diagnostics {
			found = append(found, bundle.Diagnostic(d))
		}
		return nil, placed(path, found)
	}
	return s, err
}

// placed makes an error of diagnostics, with paths in place of modules.
func placed(path string, found []bundle.Diagnostic) error {
	e := &bundle.Error{}
	for _, d := range found {
		d.File = onDisk(path, d.File)
		e.Diagnostics = append(e.Diagnostics, d)
	}
	return e
}

// script is a VM with a test file in it. It is used by one goroutine at a time.
type script struct {
	source   *source
	file     *fileRun
	rt       *goja.Runtime
	tests    []registered
	runBody  goja.Callable
	chance   *rand.ChaCha8
	newError func(text string) goja.Value

	ctx         context.Context // of what runs now
	isLoading   bool
	test        *testRun        // that runs now; nil while the file loads
	hosts       []*Host         // by number
	rejected    []*goja.Promise // promises that nobody has handled yet
	loadConsole []string        // what the file wrote while it loaded
}

// registered is a test as the file has registered it.
type registered struct {
	name, mode string
	stack      string
}

// testRun is a test at work.
type testRun struct {
	name       string
	hostsSeen  int // hosts before the test
	logsBefore []int
	seed       uint64
	isDone     bool
	failure    *Failure
	unhandled  *Failure // a promise that was rejected
	endedAt    *Failure // only its place: the call of a host that noticed that the time is over
	console    []string
}

func newScript(file *fileRun, s *source) *script {
	return &script{source: s, file: file, rt: goja.New(), chance: rand.NewChaCha8([32]byte{})}
}

// hostError is the name of errors that calls of a host throw.
const hostError = "HostError"

// callDepthMax is what workflows have.
const callDepthMax = 6000

// load runs the module code of the test file, which registers tests.
func (s *script) load(ctx context.Context) error {
	rt := s.rt
	rt.SetMaxCallStackSize(callDepthMax)
	s.chance.Seed(seedBytes(s.file.seedOf("")))
	rt.SetRandSource(rand.New(s.chance).Float64)
	rt.SetPromiseRejectionTracker(func(p *goja.Promise, operation goja.PromiseRejectionOperation) {
		if operation == goja.PromiseRejectionReject {
			s.rejected = append(s.rejected, p)
		} else {
			s.rejected = slices.DeleteFunc(s.rejected, func(other *goja.Promise) bool { return other == p })
		}
	})
	constructor := rt.Get("Error")
	s.newError = func(text string) goja.Value {
		e, err := rt.New(constructor, rt.ToValue(text))
		if err == nil {
			err = e.DefineDataProperty("name", rt.ToValue(hostError), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
		}
		if err != nil {
			panic(err)
		}
		return e
	}
	program, err := library()
	if err != nil {
		return err
	}
	function, err := rt.RunProgram(program)
	if err != nil {
		return err
	}
	start, _ := goja.AssertFunction(function)
	made, err := start(nil, s.engine())
	if err != nil {
		return fmt.Errorf("test library: %w", err)
	}
	lib := made.(*goja.Object)
	s.runBody, _ = goja.AssertFunction(lib.Get("run"))
	if err := s.installGlobals(lib.Get("module"), lib.Get("inspect")); err != nil {
		return err
	}
	s.ctx, s.isLoading = ctx, true
	_, err = rt.RunProgram(s.source.program)
	s.isLoading = false
	if err != nil {
		return err
	}
	tests := lib.Get("tests").(*goja.Object)
	for i := range int(tests.Get("length").ToInteger()) {
		t := tests.Get(strconv.Itoa(i)).(*goja.Object)
		s.tests = append(s.tests, registered{t.Get("name").String(), t.Get("mode").String(), t.Get("stack").String()})
	}
	return nil
}

// run runs a test to its end.
func (s *script) run(ctx context.Context, index int, t *testRun) error {
	s.ctx, s.test = ctx, t
	s.chance.Seed(seedBytes(t.seed))
	s.rejected = nil
	t.hostsSeen = len(s.hosts)
	for _, h := range s.hosts {
		t.logsBefore = append(t.logsBefore, len(h.logs))
	}
	_, err := s.runBody(nil, s.rt.ToValue(index), s.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		t.isDone = true
		if call.Argument(0).ToBoolean() {
			t.failure = s.failureOf(call.Argument(1))
		}
		return nil
	}))
	t.unhandled = s.unhandled()
	return err
}

// failureOf describes what was thrown.
func (s *script) failureOf(value goja.Value) *Failure {
	f := &Failure{}
	o, isObject := value.(*goja.Object)
	if !isObject || o.ClassName() != "Error" {
		f.Message = "a value was thrown that is no Error: " + s.textOf(value)
		return f
	}
	name, message := s.textOf(s.property(o, "name")), s.textOf(s.property(o, "message"))
	if f.Message = message; name != "AssertionError" && name != hostError {
		f.Message = strings.TrimSuffix(name+": "+message, ": ")
	}
	if text, ok := s.property(o, "diff").(goja.String); ok {
		f.Diff = text.String()
	}
	f.Stack = s.framesOf(s.textOf(s.property(o, "stack")))
	s.place(f)
	if cause := s.property(o, "cause"); cause != nil && !goja.IsUndefined(cause) {
		f.Notes = append(f.Notes, "caused by "+s.textOf(cause))
	}
	return f
}

// noText stands for what throws when it is read.
const noText = "a value that has no text"

// property is that of an object, whatever its getter does; nil if there is none.
func (s *script) property(o *goja.Object, name string) (value goja.Value) {
	if err := s.rt.Try(func() { value = o.Get(name) }); err != nil {
		return s.rt.ToValue(noText)
	}
	return value
}

// textOf is String(value), whatever that does.
func (s *script) textOf(value goja.Value) (text string) {
	if value == nil {
		return ""
	}
	if err := s.rt.Try(func() { text = value.String() }); err != nil {
		return noText
	}
	return text
}

// place sets where a failure is from its stack.
func (s *script) place(f *Failure) {
	if len(f.Stack) == 0 {
		return
	}
	f.At = f.Stack[0].At
	f.Source = s.sourceLine(f.At)
	for i := range f.Stack {
		f.Stack[i].At.File = displayed(filepath.Join(s.source.root, filepath.FromSlash(f.Stack[i].At.File)))
	}
	f.At = f.Stack[0].At
}

// sourceLine is the line of a place, whose file is a module.
func (s *script) sourceLine(at Position) string {
	lines := strings.Split(s.source.modules[at.File], "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[at.Line-1], "\r")
}

var stackLine = regexp.MustCompile(`(?m)^\s+at (?:(.*) \()?([^\s()]+):(\d+):(\d+)\(\d+\)\)?$`)

// framesOf are the calls of a stack that are in sources. The engine counts columns of sources from 0.
func (s *script) framesOf(stack string) (frames []Frame) {
	for _, call := range stackLine.FindAllStringSubmatch(stack, -1) {
		if _, isSource := s.source.modules[call[2]]; !isSource {
			continue
		}
		row, _ := strconv.Atoi(call[3])
		column, _ := strconv.Atoi(call[4])
		frames = append(frames, Frame{call[1], Position{call[2], row, column + 1}})
		if len(frames) == stackFramesMax {
			break
		}
	}
	return frames
}

// failureOfError describes an error of the engine: an exception, an interrupt, a stack that is too deep.
func (s *script) failureOfError(err error) *Failure {
	var exception *goja.Exception
	var interrupted *goja.InterruptedError
	var overflow *goja.StackOverflowError
	f := &Failure{Message: err.Error()}
	var stack []goja.StackFrame
	switch {
	case errors.As(err, &interrupted):
		f.Message, stack = fmt.Sprint(interrupted.Value()), interrupted.Stack()
	case errors.As(err, &overflow):
		f.Message, stack = "too many nested calls", overflow.Stack()
	case errors.As(err, &exception):
		f = s.failureOf(exception.Value())
		if f.At.Line > 0 {
			return f
		}
		stack = exception.Stack()
	}
	at := s.failureOfStack(stack)
	f.Stack, f.At, f.Source = at.Stack, at.At, at.Source
	return f
}

// failureOfStack has only the place of a stack.
func (s *script) failureOfStack(stack []goja.StackFrame) *Failure {
	f := &Failure{}
	for _, call := range stack {
		at := call.Position()
		if _, isSource := s.source.modules[at.Filename]; isSource && at.Line > 0 {
			f.Stack = append(f.Stack, Frame{call.FuncName(), Position{at.Filename, at.Line, at.Column + 1}})
		}
		if len(f.Stack) == stackFramesMax {
			break
		}
	}
	s.place(f)
	return f
}

// close gives the machines of the hosts back.
func (s *script) close() {
	for _, h := range s.hosts {
		h.close()
	}
}
