package lower

import (
	"fmt"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"kont/jsvm/ir"
	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// Kernel lists the properties of the runtime object that lowered code uses.
// Each is the constant %name in the output.
var Kernel = []string{
	"TDZ", "AWAIT", "YIELD", "DELEGATE", "DONE",
	"async", "generator", "generatorStart", "asyncFunction", "generatorFunction", "steppedMembers",
	"tdz", "checked", "constant",
	"call", "toKey", "named", "iterate", "iterator", "next", "close", "closeQuiet", "rest",
	"objectRest", "requireObject", "forIn", "nextKey", "delegate", "delegateDone",
	"defineClass", "defineField", "object", "superGet", "superSet", "superPlace", "superCaller", "template",
	"power", "exponent", "shiftCount", "arrayLength", "regexpArguments",
	"sharedPlace", "sharedMethod", "callShared", "deleteShared",
	"trace",
}

// Result is a lowered script.
type Result struct {
	// Body is the module's code.
	Body []ast.Statement
	// Declared are names that Body declares with `var`.
	Declared []*ast.VariableDeclaration
	// Factories are function declarations that belong before Body.
	Factories []ast.Statement
	// FactoryNames by function id; "" where there is none.
	FactoryNames []string
	// Steps are the bodies of stepped functions by id.
	Steps map[int]*Step
	// Functions has what became of each function and class, by id.
	Functions []Function
	// Templates are the tagged templates, see TemplateObjects.
	Templates []*ast.TemplateLiteral
	// ModuleEnv are the fields of the module environment.
	ModuleEnv []*scope.Binding
}

// Step is a stepped function between lowering and emission.
type Step struct {
	Function *scope.Function
	IR       *ir.Function
	// Labels are the names that slots have in continuations, where those are not
	// their own: source name and declaration ordinal.
	Labels map[string]string
	// Bindings has the variables that slots hold, and Scopes the scopes whose environments they hold; by slot. The
	// others are temporaries.
	Bindings map[string]*scope.Binding
	Scopes   map[string]*scope.Scope
}

// Function is what later passes need to know of a lowered function or class.
type Function struct {
	// Envs are the environments that the function makes, in source order.
	Envs []Env
}

// Env is the layout of an environment object.
type Env struct {
	Name   string // local variable that holds it
	Fields []string
	// Parent: it has a field %p for the environment around it.
	Parent bool
}

// Lower rewrites the program that info was made from. The error is a
// *scope.Problem-carrying Refusal where something can't be lowered.
func Lower(info *scope.Info, program *ast.Program) (result *Result, err error) {
	p := &lowerer{info: info, file: program.File, result: &Result{
		FactoryNames: make([]string, len(info.List)),
		Functions:    make([]Function, len(info.List)),
		Steps:        map[int]*Step{},
	}}
	defer func() {
		if r := recover(); r != nil {
			refusal, ok := r.(*Refusal)
			if !ok {
				panic(r)
			}
			err = refusal
		}
	}()
	p.module(program)
	return p.result, nil
}

// Refusal is a construct that can't be lowered.
type Refusal struct{ scope.Problem }

// Error gives the text without the position, which is an index here.
func (r *Refusal) Error() string { return r.Text }

func refuse(node ast.Node, text, hint string) {
	panic(&Refusal{scope.Problem{At: node.Idx0(), Text: text, Hint: hint}})
}

// lowerer is the state of one Lower.
type lowerer struct {
	info   *scope.Info
	file   *file.File
	result *Result
}

func (p *lowerer) module(program *ast.Program) {
	p.distinguish(p.info.Module.Scope.Bindings)
	c := p.context(p.info.Module)
	for _, b := range c.fn.Scope.Bindings {
		if b.InModuleEnv() {
			p.result.ModuleEnv = append(p.result.ModuleEnv, b)
		}
	}
	body := c.hoisted(c.fn.Scope)
	body = append(body, c.statements(program.Body)...)
	p.result.Body = append(c.declareTemps(), body...)
	p.result.Declared = append(program.DeclarationList, c.declared...)
}

// distinguish gives every variable of an author's module a name of its own: objects are stored by it. Two may have the same where the
// bundler has made them, as it does of the private fields #n of two classes; from the second on they keep the bundler's name.
func (p *lowerer) distinguish(bindings []*scope.Binding) {
	taken := map[string]bool{}
	for _, b := range bindings {
		module, name := "", b.SourceName
		if at := strings.LastIndexByte(name, ':') + 1; at > 0 {
			module, name = name[:at], name[at:]
		}
		key := func() string { return p.fileOf(b) + ":" + name }
		if taken[key()] {
			name = b.Name
			for taken[key()] {
				name += "~"
			}
			b.SourceName = module + name
		}
		taken[key()] = true
	}
}

// fileOf is the path of the author's file that declares a name.
func (p *lowerer) fileOf(b *scope.Binding) string {
	if b.At <= 0 || p.file == nil {
		return ""
	}
	return p.file.Position(int(b.At) - p.file.Base()).Filename
}

// context lowers one function.
type context struct {
	*lowerer
	fn    *scope.Function
	scope *scope.Scope // in which code is being lowered
	m     *machine     // nil in a function without frame
	// envNames has the local variables that hold the environments of the
	// function's scopes.
	envNames map[*scope.Scope]string
	// slots has the names of bindings that are flat locals of a step function.
	slots map[*scope.Binding]string
	// names counts the identifiers given, labels the names in continuations.
	names, labels map[string]int
	slotLabels    map[string]string
	// temps are native locals that the function needs at its top, and declared
	// the ones that replace parameters and function declarations.
	temps    []string
	declared []*ast.VariableDeclaration
	controls []*control
}

func (p *lowerer) context(fn *scope.Function) *context {
	c := &context{
		lowerer:  p,
		fn:       fn,
		scope:    fn.Scope,
		envNames: map[*scope.Scope]string{},
		slots:    map[*scope.Binding]string{},
		names:    map[string]int{},
		labels:   map[string]int{},
	}
	for _, s := range fn.Scopes {
		c.nameEnv(s)
	}
	return c
}

func (c *context) nameEnv(s *scope.Scope) {
	list := s.EnvBindings()
	if len(list) == 0 || s.Kind == scope.ClassScope {
		return
	}
	name := "%e_" + trimPercent(list[0].SourceName)
	c.envNames[s] = c.unique(name)
	layout := Env{Name: c.envNames[s], Parent: c.hasOuterEnv(s)}
	for _, b := range list {
		layout.Fields = append(layout.Fields, b.SourceName)
	}
	c.result.Functions[c.fn.ID].Envs = append(c.result.Functions[c.fn.ID].Envs, layout)
}

func trimPercent(name string) string {
	if name != "" && name[0] == '%' {
		return name[1:]
	}
	return name
}

// unique numbers names: x, x#2, x#3. No name that a person can write has a '#'.
func (c *context) unique(name string) string { return numbered(c.names, name) }

func numbered(counts map[string]int, name string) string {
	counts[name]++
	if n := counts[name]; n > 1 {
		return fmt.Sprintf("%s#%d", name, n)
	}
	return name
}

// temp is a fresh temporary of the function: a slot, or a native local.
func (c *context) temp() string {
	c.names["%t"]++
	name := fmt.Sprintf("%%t%d", c.names["%t"])
	if c.m != nil {
		c.m.f.Slots = append(c.m.f.Slots, name)
	} else {
		c.temps = append(c.temps, name)
	}
	return name
}

func (c *context) declareTemps() []ast.Statement {
	if len(c.temps) == 0 {
		return nil
	}
	return []ast.Statement{syntax.Builder{}.Lets(c.temps)}
}

// b builds at the position of node.
func (c *context) b(node ast.Node) syntax.Builder { return syntax.At(node) }

// suspends reports whether node has a suspension of this function in it.
func (c *context) suspends(node ast.Node) bool {
	return !syntax.IsNil(node) && c.info.Suspends[node]
}

// within runs do with s as the current scope.
func (c *context) within(s *scope.Scope, do func()) {
	outer := c.scope
	c.scope = s
	do()
	c.scope = outer
}
