package jsvm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kont/jsvm/compile"
	"kont/jsvm/continuation"
)

// FitOptions say what a person knows of an edit and the sources do not tell.
type FitOptions struct {
	// Moved has the new paths of modules that were renamed, by their old ones, as they stand in positions; and the new
	// keys of single functions, "path#name", by their old ones.
	Moved map[string]string
}

// FitReport says whether a continuation can go on under another build of its source, and if not, why.
type FitReport struct {
	Fits bool `json:"fits"`
	// Functions are the functions that the continuation uses, those that changed first.
	Functions []FunctionFit `json:"functions"`
	// Frames are the places where it waits, in both builds.
	Frames []FrameFit `json:"frames"`
	// Problems are all that does not fit; empty if Fits.
	Problems []FitProblem `json:"problems"`
}

// FunctionFit is what became of a function.
type FunctionFit struct {
	Function string       `json:"function"`
	Change   FunctionFate `json:"change"`
	From     Position     `json:"from,omitzero"`
	To       Position     `json:"to,omitzero"`
}

// FunctionFate is how a function differs in another build.
type FunctionFate string

// The fates of functions. Comments, formatting, and the bodies of functions inside are no change.
const (
	FunctionSame    FunctionFate = "same"
	FunctionChanged FunctionFate = "changed"
	FunctionGone    FunctionFate = "gone"
)

// FrameFit is a function that waits.
type FrameFit struct {
	Function string   `json:"function"`
	Label    string   `json:"label,omitempty"`
	From     Position `json:"from,omitzero"`
	To       Position `json:"to,omitzero"`
}

// FitKind says what a FitProblem is about.
type FitKind string

// The kinds of problems.
const (
	FitFunction    FitKind = "function"    // it is gone, or another one, or cannot be told from its like
	FitAwait       FitKind = "await"       // the place where it waits is gone or ambiguous
	FitVariable    FitKind = "variable"    // the new code needs one that is not in the continuation
	FitEnvironment FitKind = "environment" // variables that closures share are laid out otherwise
	FitModule      FitKind = "module"      // a variable or an object of module scope is gone or another one
	FitRestore     FitKind = "restore"     // a trial has found what the rules have not
)

// FitProblem is one reason why a continuation does not fit.
type FitProblem struct {
	Kind     FitKind  `json:"kind"`
	Function string   `json:"function,omitempty"`
	From     Position `json:"from,omitzero"` // of the await, or of the function
	To       Position `json:"to,omitzero"`
	Text     string   `json:"text"`
	Hint     string   `json:"hint,omitempty"` // a way out
}

// String is the position in the old source, the text and the hint.
func (p FitProblem) String() string {
	text := p.Text
	if p.Function != "" {
		text = p.Function + ": " + text
	}
	if p.From != (Position{}) {
		text = p.From.String() + ": " + text
	}
	if p.To != (Position{}) {
		text += " (now " + p.To.String() + ")"
	}
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// Fit tells whether a continuation of bundle from can go on under bundle to. It runs no code of the thread, but the
// module code of both bundles. The error is about continuation and bundles that cannot be read, or the context's.
func Fit(ctx context.Context, data []byte, from, to *Bundle, o FitOptions) (FitReport, error) {
	_, report, err := Move(ctx, data, from, to, o)
	return report, err
}

// Move returns the continuation as one of bundle to. If it does not fit, the result is nil and the report says why.
//
// Step never does this by itself: a thread stays on its bundle until somebody decides otherwise.
func Move(ctx context.Context, data []byte, from, to *Bundle, o FitOptions) ([]byte, FitReport, error) {
	// What is wrong with the bytes is told before anything is loaded.
	if err := decodeFor(from, &continuation.Graph{}, data); err != nil {
		return nil, FitReport{}, faultOfDecode(err)
	}
	f, err := NewFitter(ctx, from, to, o)
	if err != nil {
		return nil, FitReport{}, err
	}
	return f.Move(data)
}

// Fitter answers for many continuations of one bundle whether they fit another. It is for one goroutine.
type Fitter struct {
	fromVM, toVM *vm
	options      FitOptions
}

// NewFitter loads two bundles.
func NewFitter(ctx context.Context, from, to *Bundle, o FitOptions) (*Fitter, error) {
	f := &Fitter{options: o}
	var err error
	if f.fromVM, err = loadWatched(ctx, from); err != nil {
		return nil, fmt.Errorf("load bundle %x: %w", from.hash[:4], err)
	}
	if f.toVM, err = loadWatched(ctx, to); err != nil {
		return nil, fmt.Errorf("load bundle %x: %w", to.hash[:4], err)
	}
	return f, nil
}

// Move is Move of the two bundles.
func (f *Fitter) Move(data []byte) ([]byte, FitReport, error) {
	return move(data, f.fromVM, f.toVM, f.options)
}

// move is Move with the bundles loaded. toVM is used up to the next restore.
func move(data []byte, fromVM, toVM *vm, o FitOptions) (moved []byte, report FitReport, err error) {
	defer func() {
		if p := recover(); p != nil { // the bytes are well-formed, but nothing that a thread could have written
			moved, report, err = nil, FitReport{}, &Fault{Kind: FaultIncompatible, Message: fmt.Sprintf("move: %v", p)}
		}
	}()
	g := &continuation.Graph{}
	if err := decodeFor(fromVM.bundle, g, data); err != nil {
		return nil, FitReport{}, faultOfDecode(err)
	}
	f := &fitting{graph: g, fromBundle: fromVM.bundle, toBundle: toVM.bundle, fromVM: fromVM, toVM: toVM, names: map[string]string{}, found: map[FitProblem]bool{}, keys: map[continuation.NodeID]map[string]string{},
		report: FitReport{Functions: []FunctionFit{}, Frames: []FrameFit{}, Problems: []FitProblem{}}}
	if f.from, err = f.fromBundle.outline(); err != nil {
		return nil, FitReport{}, err
	}
	if f.to, err = f.toBundle.outline(); err != nil {
		return nil, FitReport{}, err
	}
	f.matcher = newMatcher(f.from, f.to, o.Moved)
	f.functions()
	f.nodes()
	f.module()
	if len(f.report.Problems) > 0 {
		return nil, f.report, nil
	}
	moved = f.rebased()
	if err := f.trial(moved); err != nil {
		f.problem(FitProblem{Kind: FitRestore, Text: err.Error(), Hint: "let the thread end on its own bundle"})
		return nil, f.report, nil
	}
	f.report.Fits = true
	return moved, f.report, nil
}

// outlined is a bundle's outline with the manifest that it goes with.
type outlined struct {
	*compile.Outline
	manifest *compile.Manifest
	err      error
}

// outline is made when it is first asked for.
func (b *Bundle) outline() (*outlined, error) {
	b.outlining.Do(func() { b.outlined.Outline, b.outlined.manifest, b.outlined.err = compile.OutlineOf(b.compileScript()) })
	if b.outlined.err != nil {
		return nil, fmt.Errorf("outline bundle %x: %w", b.hash[:4], b.outlined.err)
	}
	return &b.outlined, nil
}

func (o *outlined) at(id int) Position {
	at := o.manifest.Functions[id].At
	return Position{File: at.Module, Line: at.Line, Column: at.Column}
}

func (o *outlined) point(id, pc int) Position {
	at := o.manifest.Functions[id].Points[pc].At
	return Position{File: at.Module, Line: at.Line, Column: at.Column}
}

// fitting is one question whether a continuation fits.
type fitting struct {
	*matcher
	graph                *continuation.Graph
	fromBundle, toBundle *Bundle
	from, to             *outlined
	fromVM, toVM         *vm
	ids                  []int // of the graph's functions in from
	names                map[string]string
	frames               map[frameKey]frameMove
	keys                 map[continuation.NodeID]map[string]string // of environments
	found                map[FitProblem]bool
	report               FitReport
}

func (f *fitting) problem(p FitProblem) {
	if !f.found[p] {
		f.found[p] = true
		f.report.Problems = append(f.report.Problems, p)
	}
}

// functions finds the functions that the continuation uses in the other bundle.
func (f *fitting) functions() {
	f.ids = make([]int, len(f.graph.Functions))
	hasFrame := map[continuation.FunctionID]bool{}
	isClass := map[continuation.FunctionID]bool{}
	for i := range f.graph.Nodes {
		switch n := &f.graph.Nodes[i]; n.Kind {
		case continuation.Frame:
			hasFrame[n.Function] = true
		case continuation.Class:
			isClass[n.Function] = true
		}
	}
	var same []FunctionFit
	for i, used := range f.graph.Functions {
		layout := f.fromBundle.layout
		id, ok := layout.byKey[used.Key]
		if !ok || layout.functions[id].id.Fingerprint != used.Fingerprint {
			f.ids[i] = -1
			f.problem(FitProblem{Kind: FitFunction, Function: pathOf(used.Key), Text: "the continuation's own bundle has no such function", Hint: "it belongs to another bundle"})
			continue
		}
		f.ids[i] = id
		fate := f.function(id, hasFrame[continuation.FunctionID(i)], isClass[continuation.FunctionID(i)])
		if fate.Change == FunctionSame {
			same = append(same, fate)
		} else {
			f.report.Functions = append(f.report.Functions, fate)
		}
	}
	f.report.Functions = append(f.report.Functions, same...)
}

func (f *fitting) function(id int, hasFrame, isClass bool) FunctionFit {
	key := f.from.manifest.Functions[id].Key
	fate := FunctionFit{Function: pathOf(key), From: f.from.at(id), Change: FunctionGone}
	found := f.match(id)
	p := FitProblem{Kind: FitFunction, Function: fate.Function, From: fate.From}
	if found.id < 0 {
		p.Text, p.Hint = found.why, found.hint
		f.problem(p)
		return fate
	}
	fate.To, fate.Change = f.to.at(found.id), FunctionSame
	before, after := &f.from.Functions[id], &f.to.Functions[found.id]
	p.To = fate.To
	if before.Own == after.Own {
		return fate
	}
	fate.Change = FunctionChanged
	was, is := &f.from.manifest.Functions[id], &f.to.manifest.Functions[found.id]
	switch {
	case functionKind(was, before) != functionKind(is, after):
		p.Text, p.Hint = fmt.Sprintf("it was %s and is %s now", functionKind(was, before), functionKind(is, after)), "keep its kind, or give the new one another name beside it"
	case isClass:
		p.Text, p.Hint = "the class was made while the thread ran, and its fields or members changed", "change bodies of methods only, or move the class to module scope"
	case found.isGuess && !hasFrame:
		p.Text, p.Hint = "it has no name of its own and another text, so nothing tells that it is the same function", "leave it as it is, or name it for the next time: `const undo = async () => …`"
	case hasFrame && after.UsesThis && !before.UsesThis:
		p.Kind, p.Text, p.Hint = FitVariable, "the new code uses `this`, which the old did not and which is not in the continuation", "pass what is needed in a variable that is kept"
	default:
		return fate
	}
	f.problem(p)
	return fate
}

// functionKind is what a function is, as far as code that holds it relies on it.
func functionKind(f *compile.Function, o *compile.FunctionOutline) string {
	kind := "a function"
	switch {
	case f.IsClass:
		kind = "a class"
	case f.Member != nil:
		kind = "a " + f.Member.Kind
		if f.Member.Static {
			kind = "a static " + f.Member.Kind
		}
	case !f.Constructs && !f.Stepped:
		kind = "an arrow function or a method"
	}
	switch {
	case o.Async:
		kind = "an async" + strings.TrimPrefix(strings.TrimPrefix(kind, "an"), "a")
	case o.Generator:
		kind = "a generator" + strings.TrimPrefix(strings.TrimPrefix(kind, "an"), "a")
	}
	return kind
}

// rebased writes the continuation for the other bundle.
func (f *fitting) rebased() []byte {
	var id [continuation.BundleIDSize]byte
	copy(id[:], f.toBundle.hash[:])
	byKey := map[continuation.Function]int{}
	for i, used := range f.graph.Functions {
		byKey[used] = f.ids[i]
	}
	return f.graph.Rebase(id, f.toBundle.dictionary, continuation.Change{
		Keys: f.keys,
		Function: func(used continuation.Function) continuation.Function {
			return f.toBundle.layout.functions[f.match(byKey[used]).id].id
		},
		Name: func(name string) string {
			if to, ok := f.names[name]; ok {
				return to
			}
			return name
		},
		Frame: func(function continuation.FunctionID, point string, slots []string) (string, []string, []int) {
			m := f.frames[keyOfFrame(function, point, slots)]
			return m.point, m.slots, m.from
		},
	}).Marshal(nil)
}

// trial restores the continuation under the other bundle.
func (f *fitting) trial(data []byte) error {
	if err := f.toVM.module.reset(); err != nil {
		return err
	}
	if _, err := f.toVM.load(data); err != nil {
		var fault *Fault
		if errors.As(err, &fault) {
			return errors.New(fault.Message)
		}
		return err
	}
	return nil
}
