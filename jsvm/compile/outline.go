package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"sort"
	"strings"

	"github.com/dop251/goja/ast"

	"kont/jsvm/lower"
	"kont/jsvm/scope"
)

// Outline has what two builds of a source are compared by, to find the functions, the resume points and the variables
// of one in the other. It is made anew when it is asked for and never stored.
//
// All texts in it are normal: without comments and formatting, and with the author's names.
type Outline struct {
	// Functions is parallel to Manifest.Functions.
	Functions []FunctionOutline
	// Generated has, by its name in continuations, what uses a module-level variable of the bundler's making, such as
	// the WeakMap of a private field: the keys of the classes and functions. Their names have numbers that depend on
	// what else is in the module.
	Generated map[string]string
	// Findings are about code that compiles and is hardly meant. Globals are the names that modules use and none
	// declares, but for those that the same module asks for by typeof.
	Findings []Diagnostic
	Globals  []Global
}

// FunctionOutline is one function or class.
type FunctionOutline struct {
	// Parent is the id of the function or class around it, -1 for none.
	Parent int
	// Base is the last part of the key without an ordinal.
	Base string
	// Own stands for the text without the bodies of the functions in it, Whole for all of it.
	Own, Whole string
	// Parameters is the text of the parameter list.
	Parameters string
	Async      bool
	Generator  bool
	UsesThis   bool
	Named      bool // by the author; others are told apart by ordinals only
	// Outside are the names that the function and those in it mention and that are declared in no function.
	Outside map[string]bool
	// Around are the environments that the function gets when it is made, from the inside out.
	Around []EnvOutline
	// Points is parallel to Function.Points.
	Points []PointOutline
}

// EnvOutline is an environment object.
type EnvOutline struct {
	// Place are the heads of the statements around its scope.
	Place  string
	Fields []VariableOutline
}

// VariableOutline is a declared name.
type VariableOutline struct {
	// Name is the one in continuations. Base is the author's; they differ where the bundler has renamed a variable of its own.
	Name, Base string
	Kind       string
	// Declared counts the declarations of that name in the function.
	Declared int
	// At is where it is declared, Type what it holds, as the author annotated it or its initial value shows; "" if neither tells.
	At   Position
	Type string
}

// PointOutline is one resume point.
type PointOutline struct {
	// Statement is the text of the statement, up to the statements in it, with a mark at the await; Rest is the same
	// without the operand.
	Statement, Rest string
	// Place are the heads of the statements around it.
	Place string
	// Offset is the place in the script; 0 for one that nobody wrote.
	Offset int
	// Slots is parallel to Point.Slots.
	Slots []SlotOutline
	// Earlier and Later are the shared variables of the function that are declared before and after the point, with
	// their places.
	Earlier, Later map[string]bool
}

// SlotOutline says what a slot holds.
type SlotOutline struct {
	// Variable has no name for a temporary and an environment.
	Variable VariableOutline
	// Place are the heads of the statements around the scope of a variable or an environment.
	Place string
	// Env is the environment that it holds, with those around it, from the inside out; nil if it holds none.
	Env []EnvOutline
}

// OutlineOf compiles a script and outlines it.
func OutlineOf(script Script) (*Outline, *Manifest, error) {
	program, outline, err := compileScript(script, true)
	if err != nil {
		return nil, nil, err
	}
	return outline, program.Manifest, nil
}

// outliner makes an Outline in two steps, as builder does a Manifest: before lowering uses up the tree, and after.
type outliner struct {
	*builder
	labels  map[ast.Node]label
	normal  *normaliser
	outline *Outline
	// places are the statements around the nodes that open scopes.
	places map[ast.Node][]*region
	points map[ast.Node]*suspension
	values values
	types  map[*scope.Binding]string
	names  map[*scope.Binding]string // see author
	lines  map[string][]string       // of the author's modules
	// needsEnv has the scopes of the classes that use what is around them.
	needsEnv map[*scope.Scope]bool
}

// region is a part of a function's text: the head of a statement, or a whole one.
type region struct {
	in       *walk
	from, to int
	holes    []hole
	branch   string // of the statement
	text     string
	isMade   bool
}

// suspension is an await or yield with where it stands.
type suspension struct {
	node      ast.Node
	statement *region
	around    []*region
}

func newOutliner(m *builder, program *ast.Program, labels map[ast.Node]label) *outliner {
	o := &outliner{builder: m, labels: labels, normal: newNormaliser(m.script, m.at, m.info, program), outline: &Outline{Generated: map[string]string{}},
		places: map[ast.Node][]*region{}, points: map[ast.Node]*suspension{}, needsEnv: map[*scope.Scope]bool{},
		names: map[*scope.Binding]string{}, lines: map[string][]string{}}
	o.outline.Functions = make([]FunctionOutline, len(m.info.List))
	o.values = valuesOf(m.info, program)
	o.types = map[*scope.Binding]string{}
	for _, entry := range m.info.List {
		if entry.Function == nil || entry.Function.Kind == scope.Module {
			continue
		}
		for _, s := range entry.Function.Scopes {
			for _, b := range s.Bindings {
				o.types[b] = o.typeOf(b) // now: lowering changes the tree
			}
		}
	}
	o.lint(program)
	module := &walk{outliner: o, id: m.info.Module.ID}
	module.list(program.Body, len(m.script.Text), nil)
	for _, entry := range m.info.List {
		if entry.Class != nil {
			o.needsEnv[entry.Class.Scope] = entry.Class.NeedsEnv
		}
	}
	for id, entry := range m.info.List {
		f := &o.outline.Functions[id]
		key := m.manifest.Functions[id].Key
		f.Base = key[strings.LastIndexAny(key, "/#")+1:]
		if i := strings.LastIndexByte(f.Base, '~'); i >= 0 {
			f.Base = f.Base[:i]
		}
		f.Named = f.Base != "(anonymous)"
		f.Parent = -1
		if entry.Class != nil {
			f.Around = o.around(entry.Class.Scope)
			if entry.Class.Parent != nil && entry.Class.Parent.Kind != scope.Module {
				f.Parent = entry.Class.Parent.ID
			}
			continue
		}
		fn := entry.Function
		f.Async, f.Generator, f.UsesThis = fn.Async, fn.Generator, fn.UsesThis
		switch {
		case fn.Class != nil:
			f.Parent = fn.Class.ID
		case fn.Parent != nil && fn.Parent.Kind != scope.Module:
			f.Parent = fn.Parent.ID
		}
		if fn.NeedsEnv {
			f.Around = o.around(fn.Outer)
		}
	}
	return o
}

// around lists the environments from scope s outwards, as far as functions and classes are given them.
func (o *outliner) around(s *scope.Scope) []EnvOutline {
	var list []EnvOutline
	for s != nil {
		if s.HasEnv() {
			list = append(list, o.env(s))
		}
		if s.Kind == scope.ClassScope && !o.needsEnv[s] {
			break
		}
		if s.Parent != nil && s.Parent.Function != s.Function && !s.Function.NeedsEnv {
			break
		}
		s = s.Parent
	}
	return list
}

func (o *outliner) env(s *scope.Scope) EnvOutline {
	env := EnvOutline{Place: o.placeOf(s)}
	for _, b := range s.EnvBindings() {
		env.Fields = append(env.Fields, o.variable(b))
	}
	return env
}

func (o *outliner) placeOf(s *scope.Scope) string {
	kind := ""
	switch {
	case s.Kind == scope.ClassScope:
		kind = "class\n"
	case s.Kind == scope.ObjectScope:
		kind = "object\n"
	case s.Kind == scope.LoopScope: // the body's own block is in the same place
		kind = "loop\n"
	case s.Node == nil:
		kind = "self\n"
	}
	return kind + placeText(o.places[s.Node])
}

var variableKinds = [...]string{scope.Var: "var", scope.Let: "let", scope.Const: "const", scope.ClassDecl: "class", scope.FuncDecl: "function", scope.Param: "parameter",
	scope.Catch: "catch", scope.SelfName: "own name", scope.ClassName: "class name", scope.Pseudo: "pseudo"}

func (o *outliner) variable(b *scope.Binding) VariableOutline {
	v := VariableOutline{Name: b.SourceName, Base: o.author(b), Kind: variableKinds[b.Kind], At: o.declaredAt(b), Type: o.types[b]}
	if b.Kind == scope.Const {
		v.Kind = "let" // to a frame they are the same
	}
	for _, s := range b.Scope.Function.Scopes {
		for _, other := range s.Bindings {
			if other == b || o.author(other) == v.Base {
				v.Declared++
			}
		}
	}
	return v
}

// generated notes the users of the module-level variables that the bundler has made.
func (o *outliner) generated() {
	users := map[string]map[string]bool{}
	isWritten := map[*scope.Binding]bool{}
	for id, ref := range o.info.Refs {
		if ref.Binding == nil || !ref.Binding.InModule() || ref.Binding.At <= 0 {
			continue
		}
		name := ref.Binding.Name
		if !strings.HasPrefix(name, "_") || id.Idx == ref.Binding.At {
			continue
		}
		position, _ := o.at.of(ref.Binding.At)
		written, known := isWritten[ref.Binding]
		if !known {
			written = o.isWritten(position, ref.Binding.SourceName)
			isWritten[ref.Binding] = written
		}
		if written {
			continue
		}
		full := ref.Binding.SourceName
		if !ref.Binding.InModuleEnv() {
			full = position.Module + ":" + full
		}
		fn := ref.Function
		for fn != nil && fn.Class == nil && fn.Parent != nil && fn.Parent.Kind != scope.Module {
			fn = fn.Parent
		}
		user := ""
		if fn != nil && fn.Class != nil {
			user = o.manifest.Functions[fn.Class.ID].Key
		} else if fn != nil && fn.Kind != scope.Module {
			user = o.manifest.Functions[fn.ID].Key
		}
		if users[full] == nil {
			users[full] = map[string]bool{}
		}
		users[full][user] = true
	}
	for name, set := range users {
		list := make([]string, 0, len(set))
		for key := range set {
			list = append(list, key)
		}
		sort.Strings(list)
		o.outline.Generated[name] = strings.Join(list, "\n")
	}
}

// isWritten reports whether the author's text has a name at a position.
func (o *outliner) isWritten(at Position, name string) bool {
	return strings.HasPrefix(o.textAt(at), name[strings.LastIndexByte(name, ':')+1:])
}

// textAt is the rest of the line of the author's text at a position.
func (o *outliner) textAt(at Position) string {
	lines, ok := o.lines[at.Module]
	if !ok {
		lines = strings.Split(o.at.text(at.Module), "\n")
		o.lines[at.Module] = lines
	}
	if at.Line < 1 || at.Line > len(lines) || at.Column < 1 || at.Column > len(lines[at.Line-1]) {
		return ""
	}
	return lines[at.Line-1][at.Column-1:]
}

// author is authorName, remembered.
func (o *outliner) author(b *scope.Binding) string {
	name, ok := o.names[b]
	if !ok {
		name = o.at.authorName(b)
		o.names[b] = name
	}
	return name
}

// complete adds what lowering has found out.
func (o *outliner) complete(lowered *lower.Result) *Outline {
	o.generated() // lowering has numbered their names
	o.outside()
	for id := range o.outline.Functions {
		step := lowered.Steps[id]
		if step == nil {
			continue
		}
		f := &o.outline.Functions[id]
		f.Points = append(f.Points, PointOutline{Statement: "start" + f.Parameters, Rest: "start" + f.Parameters, Slots: o.slots(step, step.IR.Params)})
		of := map[ast.Node]int{}
		for _, p := range step.IR.Points {
			point := PointOutline{Slots: o.slots(step, p.Saved)}
			if s := o.points[p.Node]; s != nil {
				of[p.Node]++
				number := string(rune('0' + of[p.Node]%10)) // yield* waits in several ways
				point.Statement = o.statement(s, false) + "\n" + number
				point.Rest = o.statement(s, true) + "\n" + number
				point.Place, point.Offset = placeText(s.around), int(s.node.Idx0())
				point.Earlier, point.Later = o.shared(step.Function, int(s.node.Idx0()))
			} else {
				point.Statement = p.Kind.String() + f.Parameters
				point.Rest = point.Statement
			}
			f.Points = append(f.Points, point)
		}
	}
	return o.outline
}

// shared lists the variables of a function that live in environments, by whether they are declared before a place.
func (o *outliner) shared(fn *scope.Function, at int) (earlier, later map[string]bool) {
	earlier, later = map[string]bool{}, map[string]bool{}
	for _, s := range fn.Scopes {
		for _, b := range s.EnvBindings() {
			switch b.Kind {
			case scope.Let, scope.Const, scope.ClassDecl, scope.Var:
				if int(b.At) < at {
					earlier[b.SourceName+"\n"+o.placeOf(s)] = true
				} else {
					later[b.SourceName+"\n"+o.placeOf(s)] = true
				}
			}
		}
	}
	return earlier, later
}

// outside notes the names that functions take from outside of all functions.
func (o *outliner) outside() {
	for id, ref := range o.info.Refs {
		name := id.Name.String()
		if ref.Binding != nil {
			if !ref.Binding.InModule() {
				continue
			}
			name = o.author(ref.Binding)
		}
		for fn := ref.Function; fn != nil && fn.Kind != scope.Module; fn = fn.Parent {
			f := &o.outline.Functions[fn.ID]
			if f.Outside == nil {
				f.Outside = map[string]bool{}
			}
			f.Outside[name] = true
		}
	}
}

func (o *outliner) slots(step *lower.Step, names []string) []SlotOutline {
	list := make([]SlotOutline, len(names))
	for i, name := range names {
		if b := step.Bindings[name]; b != nil && b.Kind != scope.Pseudo {
			list[i] = SlotOutline{Variable: o.variable(b), Place: o.placeOf(b.Scope)}
		} else if s := step.Scopes[name]; s != nil {
			list[i] = SlotOutline{Place: o.placeOf(s), Env: o.around(s)}
		}
	}
	return list
}

// The marks in the text of a statement: of the await, and of its operand where that is left out.
const (
	awaitMark   = "\u25b6"
	operandMark = "\u25b6\u2026"
)

func (o *outliner) statement(s *suspension, withoutOperand bool) string {
	at := int(s.node.Idx0()) - 1
	mark := hole{at, at, awaitMark}
	if withoutOperand {
		mark.text = operandMark
		if text := o.operandEnd(s.node); text > at {
			mark.to = text
		}
	}
	return s.statement.textWith([]hole{mark})
}

// operandEnd is where the operand ends, as far as goja can tell; it may leave a parenthesis behind.
func (o *outliner) operandEnd(node ast.Node) (end int) {
	defer func() {
		if recover() != nil {
			end = 0
		}
	}()
	if l, ok := o.labels[node]; ok && l.end > l.value {
		return l.end + 1
	}
	return int(node.Idx1()) - 1
}

func (r *region) textWith(more []hole) string {
	holes := append(append(append([]hole(nil), more...), r.holes...), r.in.holes...)
	sort.SliceStable(holes, func(i, j int) bool { return holes[i].from < holes[j].from })
	return r.in.normal.tokens(r.from, r.to, holes)
}

func placeText(around []*region) string {
	var text strings.Builder
	for _, r := range around {
		if !r.isMade {
			r.text, r.isMade = r.branch, true
			if r.to > r.from {
				r.text = r.textWith(nil) + " " + r.branch
			}
		}
		text.WriteString(r.text)
		text.WriteByte('\n')
	}
	return text.String()
}

// digest stands for a text that is only compared.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}
