package jsvm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
	"kont/jsvm/compile"
	"kont/jsvm/continuation"
	"kont/jsvm/runtime"
)

// scriptName is what positions name that have no place in the author's sources.
const scriptName = "workflow.js"

// CompileOptions say what to compile.
type CompileOptions struct {
	// Entry is the path of the entry file: on disk, or slash-separated inside Files.
	Entry string
	// Files, if not nil, holds all sources; the disk is not read.
	Files fs.FS
}

// Diagnostic is a finding in the author's source. Line and Column count from 1; 0 is unknown.
type Diagnostic struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"` // a way out
}

func (d Diagnostic) String() string { return bundle.Diagnostic(d).String() }

// CompileError is a refusal of the author's source.
type CompileError struct{ Diagnostics []Diagnostic }

func (e *CompileError) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Compile bundles and compiles a workflow and loads it once, so that what is wrong with it is
// found now: a *CompileError.
func Compile(ctx context.Context, o CompileOptions) (*Bundle, error) {
	built, err := bundle.Build(bundle.Options{Entry: o.Entry, Files: o.Files})
	if err != nil {
		return nil, compileError(err)
	}
	if err := o.checkEntryFile(built); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := &Bundle{script: built.Script, sourceMap: built.SourceMap, entry: built.Entry, export: built.Export, modules: built.Modules,
		inputs: built.Inputs, dictionary: &continuation.Dictionary{}}
	for _, w := range built.Warnings {
		b.warnings = append(b.warnings, Diagnostic(w))
	}
	names, err := libraryNames()
	if err != nil {
		return nil, err
	}
	if err := b.compileWith(names); err != nil {
		return nil, compileError(err)
	}
	if err := b.tryLoad(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// Inputs are all files that Compile read, also those that hold only types; empty for a decoded bundle.
func (b *Bundle) Inputs() []string { return b.inputs }

// Warnings are findings that did not stop Compile.
func (b *Bundle) Warnings() []Diagnostic { return b.warnings }

// libraryNames are the names that the runtime library exports, by each name of its module.
var libraryNames = sync.OnceValues(func() (map[string][]string, error) {
	rt := goja.New()
	lib, err := runtime.Install(rt, runtime.Host{})
	if err != nil {
		return nil, fmt.Errorf("install runtime library: %w", err)
	}
	require, ok := goja.AssertFunction(lib.Get("require"))
	if !ok {
		return nil, fmt.Errorf("runtime library has no require")
	}
	names := map[string][]string{}
	for _, module := range bundle.ModuleNames {
		exports, err := object(require(nil, rt.ToValue(module)))
		if err != nil {
			return nil, fmt.Errorf("require %s: %w", module, err)
		}
		names[module] = exports.Keys()
	}
	return names, nil
})

// compile makes the program and what the codec needs of the manifest. Its imports were looked at when the
// bundle was new: the library may have lost a name since.
func (b *Bundle) compile() error { return b.compileWith(nil) }

func (b *Bundle) compileWith(libraryNames map[string][]string) error {
	source := b.compileScript()
	source.Modules = libraryNames
	program, err := compile.Compile(source)
	if err != nil {
		return err
	}
	b.program, b.layout = program.Prog, layoutOf(program.Manifest)
	for _, w := range program.Warnings {
		if isOwnModule(w.File) { // nobody can act on those of a package; what they are about throws if it is called
			b.warnings = append(b.warnings, Diagnostic(w))
		}
	}
	return nil
}

func (b *Bundle) compileScript() compile.Script {
	return compile.Script{Name: scriptName, Text: string(b.script), SourceMap: b.sourceMap}
}

// compileError gives refusals of the bundler and of the compiler the form of this package.
func compileError(err error) error {
	var unbundled *bundle.Error
	var uncompiled *compile.Error
	out := &CompileError{}
	switch {
	case errors.As(err, &unbundled):
		for _, d := range unbundled.Diagnostics {
			out.Diagnostics = append(out.Diagnostics, Diagnostic(d))
		}
	case errors.As(err, &uncompiled):
		for _, d := range uncompiled.Diagnostics {
			out.Diagnostics = append(out.Diagnostics, Diagnostic(d))
		}
	default:
		return err
	}
	return out
}

// tryLoad loads the bundle in a VM, takes its topics, makes its dictionary and seals it.
func (b *Bundle) tryLoad(ctx context.Context) error {
	v, err := loadWatched(ctx, b)
	if err != nil {
		return b.loadError(err)
	}
	for _, line := range v.logs {
		if line.Level == "error" { // a rejection that nothing handles is among them
			b.warnings = append(b.warnings, b.loadWarning(line.Text))
		}
	}
	if b.topics, err = v.allTopics(); err != nil {
		return b.loadError(err)
	}
	if err := b.checkTopics(); err != nil {
		return err
	}
	b.dictionary = makeDictionary(b.layout, v.dictionaryNames(), runtimeShapes(), b.script)
	b.seal()
	return nil
}

// loadWatched loads a bundle under the limits of a step.
func loadWatched(ctx context.Context, b *Bundle) (*vm, error) {
	type loaded struct {
		vm  *vm
		err error
	}
	rt := goja.New()
	limits := Limits{}.withDefaults()
	w := newWatch(rt, limits)
	w.start(ctx, time.Now())
	done := make(chan loaded, 1)
	go func() {
		v, err := newVM(b, rt, limits)
		done <- loaded{v, err}
	}()
	select {
	case l := <-done:
		why := w.stop()
		var fault *Fault
		if why == nil || ctx.Err() == nil && errors.As(l.err, &fault) {
			return l.vm, l.err // which knows where it was interrupted, if it was
		}
		return nil, fmt.Errorf("load bundle: %w", stepError(ctx, why))
	case <-w.deaf:
		return nil, fmt.Errorf("load bundle: %w", stepError(ctx, w.stop()))
	}
}
