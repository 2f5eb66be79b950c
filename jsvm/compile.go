package jsvm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
	"kont/jsvm/compile"
	"kont/jsvm/continuation"
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
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := &Bundle{script: built.Script, sourceMap: built.SourceMap, entry: built.Entry, export: built.Export, modules: built.Modules,
		inputs: built.Inputs, dictionary: &continuation.Dictionary{}}
	for _, w := range built.Warnings {
		b.warnings = append(b.warnings, Diagnostic(w))
	}
	if err := b.compile(); err != nil {
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

// compile makes the program and what the codec needs of the manifest.
func (b *Bundle) compile() error {
	program, err := compile.Compile(compile.Script{Name: scriptName, Text: string(b.script), SourceMap: b.sourceMap})
	if err != nil {
		return err
	}
	b.program, b.layout = program.Prog, layoutOf(program.Manifest)
	for _, w := range program.Warnings {
		b.warnings = append(b.warnings, Diagnostic(w))
	}
	return nil
}

// compileError gives refusals of the bundler and the compiler one form.
func compileError(err error) error {
	out := &CompileError{}
	var refusedByBundler *bundle.Error
	var refusedByCompiler *compile.Error
	switch {
	case errors.As(err, &refusedByBundler):
		for _, d := range refusedByBundler.Diagnostics {
			out.Diagnostics = append(out.Diagnostics, Diagnostic(d))
		}
	case errors.As(err, &refusedByCompiler):
		for _, d := range refusedByCompiler.Diagnostics {
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
	b.topics = v.topics
	for _, t := range b.topics {
		if reason := bundle.CheckTopic(t); reason != nil {
			return &CompileError{[]Diagnostic{{File: b.entry, Text: reason.Error()}}}
		}
	}
	b.dictionary = makeDictionary(b.layout, v.dictionaryNames(), runtimeShapes(), b.script)
	b.seal()
	return nil
}

// loadError tells what went wrong while module code ran, at its place in the source.
func (b *Bundle) loadError(err error) error {
	var exception *goja.Exception
	if !errors.As(err, &exception) {
		return err
	}
	d := Diagnostic{File: b.entry, Text: "while the module loaded: " + exceptionText(exception)}
	for _, f := range exception.Stack() {
		if p := f.Position(); p.Line > 0 && p.Filename != "kont.js" && p.Filename != "" {
			d.File, d.Line, d.Column = p.Filename, p.Line, p.Column+1
			break
		}
	}
	if d.Line == 0 {
		d.Text = exceptionText(exception)
	}
	return &CompileError{[]Diagnostic{d}}
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
	w.start(ctx)
	done := make(chan loaded, 1)
	go func() {
		v, err := newVM(b, rt, limits)
		done <- loaded{v, err}
	}()
	select {
	case l := <-done:
		if why := w.stop(); why != nil && l.err != nil {
			return nil, fmt.Errorf("load bundle: %w", stepError(ctx, why))
		}
		return l.vm, l.err
	case <-w.deaf:
		return nil, fmt.Errorf("load bundle: %w", stepError(ctx, w.stop()))
	}
}
