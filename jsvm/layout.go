package jsvm

import (
	"slices"
	"strings"

	"kont/jsvm/bundle"
	"kont/jsvm/compile"
	"kont/jsvm/continuation"
)

// layout is what the codec knows about the bundle's functions, by their number in this build.
type layout struct {
	functions []functionLayout
	byKey     map[string]int
	starts    map[Position]bool // where async functions and generators begin
}

type functionLayout struct {
	id           continuation.Function
	name         string // for people
	bornName     string // of a class: its property `name` as it is made
	source       string // for Function.prototype.toString
	isClass      bool
	hasPrototype bool           // an ordinary function: its prototype object has to be kept too
	isStepped    bool           // an async function or generator
	isGenerator  bool           // a generator: it has a prototype object too, from which its generator objects inherit
	captures     bool           // has an environment; asked by probe
	class        int            // number of the class that it is a member of, or -1
	members      []memberLayout // of a class: methods and accessors
	points       []pointLayout
	environments [][]string // fields of the environment objects that a call makes
}

// memberLayout is a property that a class's definition makes; those with computed keys are left out.
type memberLayout struct {
	name     string
	isStatic bool
}

type pointLayout struct {
	key      string
	label    string // the author's, "" for none
	slots    []string
	position Position
}

// layoutOf takes what the codec needs of a manifest.
func layoutOf(m *compile.Manifest) *layout {
	l := &layout{starts: map[Position]bool{}, functions: make([]functionLayout, len(m.Functions))}
	for i := range m.Functions {
		f := &m.Functions[i]
		to := &l.functions[i]
		*to = functionLayout{id: continuation.Function{Key: f.Key, Fingerprint: f.Fingerprint}, name: pathOf(f.Key), bornName: f.BornName, source: f.Source,
			isClass: f.IsClass, hasPrototype: f.Constructs,
			isStepped: f.Stepped, isGenerator: f.Generator, captures: f.Captures, class: f.Class}
		for _, p := range f.Points {
			point := pointLayout{key: p.Key, label: p.Label, position: Position{File: p.At.Module, Line: p.At.Line, Column: p.At.Column}}
			for _, s := range p.Slots {
				point.slots = append(point.slots, s.Name)
			}
			to.points = append(to.points, point)
		}
		if len(to.points) > 0 {
			l.starts[to.points[0].position] = true
		}
		for _, e := range f.Envs {
			var fields []string
			if e.Parent {
				fields = append(fields, "%p")
			}
			to.environments = append(to.environments, append(fields, e.Fields...))
		}
	}
	for i := range m.Functions {
		f := &m.Functions[i]
		if f.Member == nil || f.Class < 0 || f.Member.Name == "" {
			continue
		}
		switch f.Member.Kind {
		case "method", "get", "set":
			class := &l.functions[f.Class]
			class.members = append(class.members, memberLayout{f.Member.Name, f.Member.Static})
		}
	}
	l.index()
	return l
}

// pathOf is the path of names of a function key, as people write it.
func pathOf(key string) string {
	_, path, _ := strings.Cut(key, "#")
	return strings.ReplaceAll(path, "/", ".")
}

func (l *layout) index() {
	l.byKey = make(map[string]int, len(l.functions))
	for i := range l.functions {
		l.byKey[l.functions[i].id.Key] = i
	}
}

// point returns the number of the resume point with that key, or -1.
func (f *functionLayout) point(key string) int {
	for i := range f.points {
		if f.points[i].key == key {
			return i
		}
	}
	return -1
}

// hasPackages reports whether not all of the bundle's modules are the author's own.
func (b *Bundle) hasPackages() bool {
	return slices.ContainsFunc(b.modules, func(m bundle.Module) bool { return !m.Own })
}

// isOwnVariable says whether a field of the module environment, "module path:name", is of the author's own sources.
func (b *Bundle) isOwnVariable(field string) bool {
	path := field[:max(strings.LastIndexByte(field, ':'), 0)]
	for _, m := range b.modules {
		if m.Path == path {
			return m.Own
		}
	}
	return false
}
