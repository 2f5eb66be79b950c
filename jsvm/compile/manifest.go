package compile

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"kont/jsvm/lower"
	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// Manifest tells what is in a compiled script, by names that stay the same when
// the script is compiled again, and mostly when it is edited. It is not stored:
// the same script gives the same manifest.
type Manifest struct {
	// Functions has functions and classes by id. Entry 0 is the module code.
	Functions []Function
	// ModuleEnv are the fields of the module environment: module path, ':', name.
	ModuleEnv []string
}

// Function is one function or class of the script.
type Function struct {
	// Key names the function in continuations: module path, '#', the names of the
	// functions and classes around it and its own joined by '/', and '~' with an
	// ordinal from 2 among siblings of the same name. It is unique.
	Key string
	// Name is the last part of the path, for people; "(anonymous)" if it has none.
	Name string
	// Fingerprint is a hash of Source: functions with equal key and fingerprint
	// fit each other's frames.
	Fingerprint uint64
	// Source is the text for Function.prototype.toString: what the bundler left.
	Source string
	At     Position
	// IsClass: a class; its factory is called by defineClass.
	IsClass bool
	// Class is the id of the class that a member belongs to, -1 for others.
	Class  int
	Member *Member
	// Stepped: async or a generator; has frames and Points.
	Stepped bool
	// Generator: a generator, whose function has an object `prototype` of another kind.
	Generator bool
	// BornName is the property `name` that a class is made with.
	BornName string
	// Captures: the function answers the probe with its environment.
	Captures bool
	// Constructs: an ordinary function with a prototype object of its own.
	Constructs bool
	// Points are the resume points; number 0 is the start of the function.
	Points []Point
	// Envs are the environments that a call makes, in source order.
	Envs []Env
}

// Member says where in its class a method or accessor is.
type Member struct {
	// Kind is "constructor", "method", "get", "set", "field" or "static block".
	Kind   string
	Static bool
	// Name is "" for a computed key.
	Name string
}

// Point is a place where a function waits.
type Point struct {
	// Key names the point in continuations: kind, '-', a hash of the operand's
	// text, and '~' with an ordinal from 2 among points of the same kind and text.
	// Other awaits can come and go around it. The author's label takes the place of the hash: kind, '@', label.
	Key  string
	Kind string
	// Label is the name that the author gave with W.label, "" for none.
	Label string
	At    Position
	// Slots are saved in this order.
	Slots []Slot
}

// Slot is a local variable or temporary that is alive at a point.
type Slot struct {
	// Name: a variable's name, with '#' and a number from the second declaration of
	// that name in the function on; '%t' and a number for a temporary; '%e_' and the
	// name of its first variable for an environment.
	Name string
}

// Env is the layout of one kind of environment object.
type Env struct {
	Name   string
	Fields []string
	// Parent: the object has a field %p with the environment around it.
	Parent bool
}

// builder makes a manifest in two steps: describe before lowering uses up the
// tree, complete after it.
type builder struct {
	script   Script
	info     *scope.Info
	at       *positions
	manifest *Manifest
	keys     map[string]int
	exports  map[ast.Node]bool
}

func newBuilder(script Script, info *scope.Info, p *positions) *builder {
	return &builder{script: script, info: info, at: p, manifest: &Manifest{}, keys: map[string]int{},
		exports: exportGetters(info.Module.Node.(*ast.Program))}
}

// describe restores the author's names and describes every function.
func (m *builder) describe() {
	for _, entry := range m.info.List {
		if entry.Function != nil {
			for _, s := range entry.Function.Scopes {
				m.restoreNames(s)
			}
		} else {
			m.restoreNames(entry.Class.Scope)
		}
	}
	m.manifest.Functions = make([]Function, len(m.info.List))
	for id, entry := range m.info.List {
		f := Function{Class: -1}
		if entry.Class != nil {
			m.class(&f, entry.Class)
		} else {
			m.function(&f, entry.Function)
		}
		sum := sha256.Sum256([]byte(f.Source))
		f.Fingerprint = binary.LittleEndian.Uint64(sum[:])
		m.manifest.Functions[id] = f
	}
	for _, b := range m.info.Module.Scope.Bindings {
		if b.InModuleEnv() {
			b.SourceName = m.moduleOf(b.At) + ":" + b.SourceName
			m.manifest.ModuleEnv = append(m.manifest.ModuleEnv, b.SourceName)
		}
	}
}

// restoreNames gives bindings the names that the author wrote; the bundler
// renames where its merging of modules makes conflicts.
func (m *builder) restoreNames(s *scope.Scope) {
	taken := map[string]bool{}
	isModule := s == m.info.Module.Scope
	for _, b := range s.Bindings {
		if _, name := m.at.of(b.At); b.At > 0 && name != "" && !taken[name] {
			b.SourceName = name
		}
		taken[b.SourceName] = !isModule // modules may have equal names
	}
}

func (m *builder) moduleOf(at file.Idx) string {
	position, _ := m.at.of(at)
	return position.Module
}

func (m *builder) function(f *Function, fn *scope.Function) {
	f.At, _ = m.at.of(syntax.Start(fn.Node))
	f.Name = m.name(fn.Name, fn.NameAt)
	f.Source = m.source(fn.Node)
	f.Stepped = fn.Stepped()
	f.Captures = fn.NeedsEnv && !fn.Member()
	f.Constructs = fn.Kind == scope.Plain && !fn.Stepped()
	f.Generator = fn.Generator
	switch fn.Kind {
	case scope.Module:
		f.Name = "(module)"
		f.At = Position{Module: m.script.Name, Line: 1, Column: 1}
	case scope.FieldInit:
		field := fn.Node.(*ast.FieldDefinition)
		f.Name = "(field)"
		if key, ok := field.Key.(*ast.StringLiteral); ok && !field.Computed {
			f.Name = key.Value.String()
		}
	case scope.StaticBlock:
		f.Name = "(static)"
	}
	if fn.Class != nil {
		f.Class = fn.Class.ID
		f.Member = &Member{Kind: memberKind(fn), Static: fn.Static, Name: f.Name}
	}
	name := f.Name
	if m.exports[fn.Node] {
		name = "(export " + name + ")"
	}
	f.Key = m.key(m.path(fn.Parent, fn.Class, name), f.At.Module)
}

// exportGetters finds the arrows that the bundler makes to export a name:
// __export(app_exports, {main: () => main}). They must not take the names of the
// functions that they lead to.
func exportGetters(program *ast.Program) map[ast.Node]bool {
	found := map[ast.Node]bool{}
	for _, s := range program.Body {
		do, ok := s.(*ast.ExpressionStatement)
		if !ok {
			continue
		}
		call, ok := do.Expression.(*ast.CallExpression)
		if !ok {
			continue
		}
		_, getters := exportCall(call)
		if getters == nil {
			continue
		}
		for _, property := range getters.Value {
			if keyed, ok := property.(*ast.PropertyKeyed); ok {
				found[keyed.Value] = true
			}
		}
	}
	return found
}

func memberKind(fn *scope.Function) string {
	switch {
	case fn.Accessor != "":
		return fn.Accessor
	case fn.Kind == scope.Constructor:
		return "constructor"
	case fn.Kind == scope.FieldInit:
		return "field"
	case fn.Kind == scope.StaticBlock:
		return "static block"
	}
	return "method"
}

func (m *builder) class(f *Function, class *scope.Class) {
	f.At, _ = m.at.of(class.Node.Class)
	f.Name = m.name(class.Name, class.NameAt)
	f.Source = class.Node.Source
	f.IsClass = true
	f.BornName = class.Name
	f.Constructs = true
	f.Key = m.key(m.path(class.Parent, nil, f.Name), f.At.Module)
}

// name is the author's name of a function.
func (m *builder) name(name string, at file.Idx) string {
	if at > 0 {
		if _, original := m.at.of(at); original != "" {
			return original
		}
	}
	if name == "" {
		return "(anonymous)"
	}
	return name
}

// path joins the names around a function. Functions come after those around them
// in the list, so what is around has its key already.
func (m *builder) path(parent *scope.Function, class *scope.Class, name string) string {
	around := ""
	switch {
	case class != nil:
		around = m.manifest.Functions[class.ID].Key
	case parent != nil && parent.Kind != scope.Module:
		around = m.manifest.Functions[parent.ID].Key
	}
	name = KeyPart(name)
	if i := strings.IndexByte(around, '#'); i >= 0 {
		return around[i+1:] + "/" + name
	}
	return name
}

// KeyPart is a name as it stands in a key, where '/', '~' and '#' have a meaning.
func KeyPart(name string) string {
	return strings.NewReplacer("/", "%2f", "~", "%7e", "#", "%23").Replace(name)
}

func (m *builder) key(path, module string) string {
	key := module + "#" + path
	m.keys[key]++
	if n := m.keys[key]; n > 1 {
		return fmt.Sprintf("%s~%d", key, n)
	}
	return key
}

// source is the text of a function: goja's parser leaves it beside the function.
func (m *builder) source(node ast.Node) string {
	switch n := node.(type) {
	case *ast.FunctionLiteral:
		return n.Source
	case *ast.ArrowFunctionLiteral:
		return n.Source
	case *ast.ClassStaticBlock:
		return n.Source
	case *ast.FieldDefinition:
		return m.text(n.Initializer)
	}
	return ""
}

// text is a node's text in the script, "" where goja can't tell its end.
func (m *builder) text(node ast.Node) (text string) {
	if syntax.IsNil(node) {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	from, to := int(node.Idx0())-1, int(node.Idx1())-1
	if from < 0 || to > len(m.script.Text) || from >= to {
		return ""
	}
	return m.script.Text[from:to]
}

// operands notes the text of what is awaited or yielded, before lowering.
func (m *builder) operands() map[ast.Node]string {
	texts := map[ast.Node]string{}
	for node := range m.info.Suspends {
		switch n := node.(type) {
		case *ast.AwaitExpression:
			texts[n] = m.text(n.Argument)
		case *ast.YieldExpression:
			texts[n] = m.text(n.Argument)
		}
	}
	return texts
}

// complete adds what lowering has found out.
func (m *builder) complete(lowered *lower.Result, operands map[ast.Node]string, labels map[ast.Node]label) *Manifest {
	for id := range m.manifest.Functions {
		f := &m.manifest.Functions[id]
		for _, env := range lowered.Functions[id].Envs {
			f.Envs = append(f.Envs, Env{Name: env.Name, Fields: env.Fields, Parent: env.Parent})
		}
		if step := lowered.Steps[id]; step != nil {
			f.Points = m.points(f, step, operands, labels)
		}
	}
	return m.manifest
}

func (m *builder) points(f *Function, step *lower.Step, operands map[ast.Node]string, labels map[ast.Node]label) []Point {
	points := []Point{{Key: "start", Kind: "start", At: f.At, Slots: slots(step, step.IR.Params)}}
	keys := map[string]int{"start": 1}
	for _, p := range step.IR.Points {
		point := Point{Kind: p.Kind.String(), At: f.At, Slots: slots(step, p.Saved)}
		point.Key = point.Kind
		if p.Node != nil {
			point.At, _ = m.at.of(p.Node.Idx0())
			sum := sha256.Sum256([]byte(operands[p.Node]))
			point.Key = fmt.Sprintf("%s-%x", point.Kind, sum[:4])
			if l, ok := labels[p.Node]; ok {
				point.Label, point.Key = l.name, point.Kind+"@"+l.name
			}
		}
		keys[point.Key]++
		if n := keys[point.Key]; n > 1 {
			point.Key = fmt.Sprintf("%s~%d", point.Key, n)
		}
		points = append(points, point)
	}
	return points
}

func slots(step *lower.Step, names []string) []Slot {
	list := make([]Slot, len(names))
	for i, name := range names {
		list[i].Name = name
		if label := step.Labels[name]; label != "" {
			list[i].Name = label
		}
	}
	return list
}
