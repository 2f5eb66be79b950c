package jsvm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing/fstest"

	"github.com/dop251/goja"

	"kont/jsvm/compile"
)

// Check is what can be told of a bundle's own sources without running a thread.
type Check struct {
	// Awaits are the places where a thread can be kept, in the order of the sources.
	Awaits []Await `json:"awaits"`
	// Findings are about code that compiles and is hardly meant, or cannot be kept.
	Findings []Diagnostic `json:"findings"`
}

// Await is a resume point, with what a continuation keeps of its function there.
type Await struct {
	Function string   `json:"function"`
	Kind     string   `json:"kind"` // await, yield, yield*, or start: a generator that has not begun
	Label    string   `json:"label,omitempty"`
	At       Position `json:"at"`
	Source   string   `json:"source"` // the line
	// Kept are the variables of the function and of those around it that are alive there.
	Kept []Kept `json:"kept"`
	// Temporaries counts values of expressions and states of loops that have no name.
	Temporaries int `json:"temporaries,omitempty"`
	// Bytes estimates the continuation of a thread that is here and nowhere else: a small one's, the frame with its
	// names, and each value by its type. Functions that wait for this one add their own.
	Bytes int `json:"bytes"`
}

// Kept is a variable that is kept across an await.
type Kept struct {
	Name string `json:"name"`
	// Type is the author's annotation, or else what the initial value shows; empty if neither tells.
	Type string `json:"type,omitempty"`
	// Shared: a function inside uses it too, so that it lives in an object of its own. Outer: it belongs to a function around this one.
	Shared bool `json:"shared,omitempty"`
	Outer  bool `json:"outer,omitempty"`
	// Unkeepable says why it cannot be kept; empty if it can.
	Unkeepable string `json:"unkeepable,omitempty"`
	Bytes      int    `json:"bytes"`
}

// Check tells what each await of the author's own sources keeps, and what looks wrong there.
func (b *Bundle) Check(ctx context.Context) (*Check, error) {
	o, err := b.outline()
	if err != nil {
		return nil, err
	}
	v, err := loadWatched(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("load bundle %x: %w", b.hash[:4], err)
	}
	c := &Check{Awaits: []Await{}, Findings: []Diagnostic{}}
	base, err := smallBytes()
	if err != nil {
		return nil, err
	}
	for id := range o.Functions {
		f := &o.manifest.Functions[id]
		for pc := range f.Points {
			at := o.point(id, pc)
			if pc == 0 && (!o.Functions[id].Generator || len(f.Points) > 1 && f.Points[1].Kind == "start") {
				continue // it begins at once, up to the point where its parameters are taken apart
			}
			if !b.isOwn(at.File) {
				continue
			}
			c.Awaits = append(c.Awaits, b.await(o, id, pc, base))
		}
	}
	slices.SortStableFunc(c.Awaits, func(x, y Await) int { return x.At.compare(y.At) })
	for _, d := range o.Findings {
		if b.isOwn(d.File) {
			c.Findings = append(c.Findings, Diagnostic(d))
		}
	}
	c.Findings = append(c.Findings, b.absentGlobals(v.rt, o.Globals)...)
	for _, a := range c.Awaits {
		for _, k := range a.Kept {
			if k.Unkeepable != "" {
				c.Findings = append(c.Findings, Diagnostic{File: a.At.File, Line: a.At.Line, Column: a.At.Column,
					Text: fmt.Sprintf("`%s` holds a %s across this await, which cannot be kept", k.Name, k.Type), Hint: k.Unkeepable})
			}
		}
	}
	slices.SortStableFunc(c.Findings, func(x, y Diagnostic) int {
		return Position{x.File, x.Line, x.Column}.compare(Position{y.File, y.Line, y.Column})
	})
	return c, nil
}

func (p Position) compare(q Position) int {
	if c := strings.Compare(p.File, q.File); c != 0 {
		return c
	}
	if p.Line != q.Line {
		return p.Line - q.Line
	}
	return p.Column - q.Column
}

func (b *Bundle) isOwn(file string) bool {
	for _, m := range b.modules {
		if m.Path == file {
			return m.Own
		}
	}
	return false
}

// await describes one point.
func (b *Bundle) await(o *outlined, id, pc, base int) Await {
	f, p := &o.manifest.Functions[id], &o.manifest.Functions[id].Points[pc]
	outline := &o.Functions[id].Points[pc]
	a := Await{Function: pathOf(f.Key), Kind: p.Kind, Label: p.Label, At: o.point(id, pc), Kept: []Kept{}, Bytes: base + frameBytes}
	a.Source = b.line(a.At)
	keep := func(v compile.VariableOutline, isShared, isOuter bool) {
		name := sourceNameOr(v.Base)
		if name == "" || name[0] == '%' {
			return
		}
		k := Kept{Name: name, Type: v.Type, Shared: isShared, Outer: isOuter, Bytes: typeBytes(v.Type)}
		k.Unkeepable = unkeepable[k.Type]
		a.Kept = append(a.Kept, k)
		a.Bytes += k.Bytes
	}
	if o.Functions[id].UsesThis && f.Member != nil {
		keep(compile.VariableOutline{Base: "this", Type: pathOf(o.manifest.Functions[max(f.Class, 0)].Key)}, false, false)
	}
	for _, slot := range outline.Slots {
		switch {
		case slot.Env != nil:
			a.Bytes += objectBytes
			for _, field := range slot.Env[0].Fields {
				keep(field, true, false)
			}
		case slot.Variable.Name != "":
			keep(slot.Variable, false, false)
		default:
			a.Temporaries++
			a.Bytes += typeBytes("")
		}
	}
	for _, env := range o.Functions[id].Around {
		a.Bytes += objectBytes
		for _, field := range env.Fields {
			keep(field, true, true)
		}
	}
	return a
}

// line is the text of a position's line.
func (b *Bundle) line(at Position) string {
	text, _ := b.Source(at.File)
	lines := strings.Split(text, "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[at.Line-1])
}

// unkeepable are the types of values that the end of the step would refuse, and what to do.
var unkeepable = map[string]string{
	"Proxy":                "build it after the await",
	"WeakRef":              "the engine has none; hold the object itself",
	"FinalizationRegistry": "the engine has none",
}

// Estimates in bytes. Names cost nothing: those of functions, points and variables are in the bundle's dictionary and
// stand in a continuation as numbers of one byte or two.
const (
	frameBytes  = 8
	objectBytes = 6
)

// typeBytes is what a value of a type takes, as those of workflows mostly are: texts of a dozen letters, lists and objects of a few
// of them.
func typeBytes(t string) int {
	t = strings.TrimSpace(strings.Split(t, "|")[0])
	t = strings.TrimPrefix(t, "readonly ")
	switch {
	case strings.Contains(t, "=>"), t == "function":
		return 6
	case strings.HasSuffix(t, "[]"), strings.HasPrefix(t, "Array<"), t == "array":
		return 24
	}
	name, _, _ := strings.Cut(t, "<")
	switch name {
	case "undefined", "null", "void", "never", "boolean", "true", "false":
		return 1
	case "number":
		return 3
	case "string":
		return 15
	case "bigint", "symbol":
		return 6
	case "Date":
		return 12
	case "RegExp":
		return 16
	case "Map", "Set", "WeakMap", "WeakSet":
		return 32
	case "Promise", "Ref", "Suspension", "Inbox":
		return 24
	case "Error", "thrown":
		return 120 // with its stack
	case "class":
		return 20
	case "Uint8Array", "ArrayBuffer", "DataView", "Float64Array":
		return 64
	}
	return 32 // an object, or unknown
}

// smallBytes is the size of a thread that waits for one ref and has no variable.
var smallBytes = sync.OnceValues(func() (int, error) {
	b, err := Compile(context.Background(), CompileOptions{Entry: "small.ts", Files: fstest.MapFS{
		"small.ts": {Data: []byte(`import * as W from "kont"; export default async function main() { await W.ref("a"); }`)}}})
	if err != nil {
		return 0, err
	}
	p := NewPool(b, PoolOptions{VMsMax: 1})
	defer p.Close()
	e, err := p.Step(context.Background(), Input{Thread: "thread", StepID: 1, Event: []byte("null")})
	return len(e.Continuation), err
})

// missing are the globals that authors of other hosts expect, and what to do without them.
var missing = map[string]string{
	"setTimeout": "use `await W.sleep(milliseconds)`, which survives the process", "setInterval": "use a loop with `await W.sleep(milliseconds)`",
	"setImmediate": "use `await W.sleep(1)`", "clearTimeout": "cancel the branch that sleeps", "clearInterval": "leave the loop that sleeps",
	"fetch": "write a record to a service that fetches, and await its answer", "XMLHttpRequest": "write a record to a service that fetches, and await its answer",
	"process": "pass settings in the event", "Buffer": "use `Uint8Array`", "Intl": "format by hand, or where the record is read",
	"Temporal": "use `Date`", "WeakRef": "hold the object itself", "FinalizationRegistry": "use `try … finally`", "SharedArrayBuffer": "use `ArrayBuffer`", "Atomics": "a thread is alone",
	"Worker": "start a thread with `W.ensureThread`", "performance": "use `Date.now()`", "window": "", "document": "", "localStorage": "keep it in variables",
}

// hostNames stand in every script without a declaration.
var hostNames = []string{"module", "exports", "require", "arguments", "undefined"}

// absentGlobals finds uses of names that neither a module declares nor the engine has.
func (b *Bundle) absentGlobals(rt *goja.Runtime, globals []compile.Global) (found []Diagnostic) {
	refused := map[string]bool{"setTimeout": true, "setInterval": true, "setImmediate": true, "fetch": true} // there, to say what to do
	seen := map[compile.Global]bool{}
	for _, g := range globals {
		if !b.isOwn(g.At.Module) || seen[g] || slices.Contains(hostNames, g.Name) {
			continue
		}
		seen[g] = true
		if rt.GlobalObject().Get(g.Name) != nil && !refused[g.Name] {
			continue
		}
		hint, known := missing[g.Name]
		if !known {
			hint = "declare or import it"
		}
		found = append(found, Diagnostic{File: g.At.Module, Line: g.At.Line, Column: g.At.Column, Text: "`" + g.Name + "` is not there in a workflow", Hint: hint})
	}
	return found
}
