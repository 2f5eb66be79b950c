package scope

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
)

// Kind says how a binding came about.
type Kind uint8

// The kinds of binding.
const (
	Var       Kind = iota
	Let            // let
	Const          // const
	ClassDecl      // class declaration, seen from around it
	FuncDecl       // function declaration
	Param          // parameter
	Catch          // catch parameter
	SelfName       // own name of a function expression
	ClassName      // name of a class, seen from inside it
	Pseudo         // %this, %arguments, %newtarget, %home
)

// Names of pseudo bindings. A function around an arrow declares them when the
// arrow uses them, and an object or a class declares its home.
const (
	ThisName      = "%this"
	ArgumentsName = "%arguments"
	NewTargetName = "%newtarget"
	HomeName      = "%home"
	// SuperCallName is a function of a constructor that calls super, for its arrows that do.
	SuperCallName = "%superCall"
)

// Binding is one declared name.
type Binding struct {
	Name  string
	Kind  Kind
	Scope *Scope
	// At is where the name is declared, 0 for pseudo bindings.
	At file.Idx
	// SourceName is the author's name, where the bundler has changed it; it
	// starts as Name. Continuations are written with it.
	SourceName string
	// InitEnd is the position after the declaration: a reference before it may
	// meet the temporal dead zone.
	InitEnd file.Idx
	// Captured: some function other than the declaring one refers to it.
	Captured bool
	// Reassigned: written to other than by its declaration.
	Reassigned bool
	// Redeclared: a parameter that the body declares again.
	Redeclared bool
	// ReassignedNested: written to by a function other than the declaring one.
	ReassignedNested bool
	// Checked: at least one reference needs a check for the temporal dead zone,
	// so the binding must start with the TDZ mark.
	Checked bool
}

// Lexical reports whether the binding has a temporal dead zone.
func (b *Binding) Lexical() bool {
	return b.Kind == Let || b.Kind == Const || b.Kind == ClassDecl
}

// Constant reports whether an assignment to the binding throws.
func (b *Binding) Constant() bool {
	return b.Kind == Const || b.Kind == ClassName || b.Kind == SelfName
}

// InModule reports whether the binding is declared at the module's top level.
func (b *Binding) InModule() bool {
	return b.Scope.Kind == FunctionScope && b.Scope.Function.Kind == Module
}

// InModuleEnv reports whether the binding is a variable of the module that
// belongs to the thread: some function reassigns it after the module was loaded.
func (b *Binding) InModuleEnv() bool { return b.InModule() && b.ReassignedNested }

// InEnv reports whether the binding lives in an environment object of its scope.
func (b *Binding) InEnv() bool { return b.Captured && !b.InModule() }

// ScopeKind says what made a scope.
type ScopeKind uint8

// The kinds of scope.
const (
	FunctionScope ScopeKind = iota // parameters, var, and the body's let
	BlockScope
	LoopScope // for (let …), for (const … of …): one environment an iteration
	SwitchScope
	CatchScope
	ClassScope  // the class's own name and its home object
	ObjectScope // the home object of an object literal whose methods use super
)

// Scope is one region of names.
type Scope struct {
	Kind     ScopeKind
	Node     ast.Node
	Parent   *Scope
	Function *Function // that runs code in this scope
	Bindings []*Binding
	// Functions are the function declarations of the scope, in order: hoisted.
	Functions []*Function
	byName    map[string]*Binding
}

// HasEnv reports whether the scope has an environment object.
func (s *Scope) HasEnv() bool {
	for _, b := range s.Bindings {
		if b.InEnv() {
			return true
		}
	}
	return false
}

// EnvBindings are the captured bindings, in order of declaration.
func (s *Scope) EnvBindings() []*Binding {
	var list []*Binding
	for _, b := range s.Bindings {
		if b.InEnv() {
			list = append(list, b)
		}
	}
	return list
}

// Lookup finds a binding in this scope alone.
func (s *Scope) Lookup(name string) *Binding { return s.byName[name] }

// FunctionKind says what form a function has.
type FunctionKind uint8

// The forms of functions.
const (
	Module FunctionKind = iota
	Plain               // function declaration or expression
	Arrow
	Method // of an object literal or a class, getters and setters included
	Constructor
	FieldInit   // initialiser of a field, runs like a method
	StaticBlock // class static block
)

// Function is one piece of code that runs on its own.
type Function struct {
	ID        int // index into Info.List
	Kind      FunctionKind
	Node      ast.Node // FunctionLiteral, ArrowFunctionLiteral, FieldDefinition, ClassStaticBlock, Program
	Name      string   // `name` property; "" where it is not known before running
	NameAt    file.Idx // of the identifier that gave the name; 0: none did
	Async     bool
	Generator bool
	Parent    *Function
	Outer     *Scope // in which the function is made
	Scope     *Scope // its own
	Declared  bool   // by a function declaration
	// Class and Static: a member of a class.
	Class  *Class
	Static bool
	// Accessor is "get" or "set" for an accessor.
	Accessor string
	// NeedsEnv: the function or one inside it refers to captured bindings
	// outside of it.
	NeedsEnv bool
	// UsesThis, UsesArguments: directly, or through an arrow inside.
	UsesThis, UsesArguments bool
	// AsyncBody: the generator that the bundler has made of an async generator's body.
	AsyncBody bool
	// SelfName is the binding of a function expression's own name, if referred to.
	SelfName *Binding
	// FreeNames has the module and global names that the function itself mentions.
	FreeNames map[string]bool
	// Scopes are the scopes that the function runs code in, in source order.
	Scopes []*Scope
}

// Stepped reports whether the function becomes a step function over a frame.
func (f *Function) Stepped() bool { return f.Async || f.Generator }

// Member reports whether f's literal stays inside its class's literal.
func (f *Function) Member() bool { return f.Class != nil }

// ThisOwner is the function whose `this` f sees: the nearest that is no arrow.
func (f *Function) ThisOwner() *Function {
	for f.Kind == Arrow {
		f = f.Parent
	}
	return f
}

// SuperOwner is the method whose `super` f sees. A plain function has none in the language; but the bundler makes the body of an async generator
// method one, and calls it with the method's `this`.
func (f *Function) SuperOwner() *Function {
	owner := f.ThisOwner()
	for owner.Kind == Plain && owner.Parent != nil {
		owner = owner.Parent.ThisOwner()
	}
	return owner
}

// Class is one class literal.
type Class struct {
	ID       int // index into Info.List; shares its number space with functions
	Node     *ast.ClassLiteral
	Name     string
	NameAt   file.Idx
	Parent   *Function
	Outer    *Scope
	Scope    *Scope
	Members  []*Function
	NeedsEnv bool
}

// Ref is one occurrence of a name.
type Ref struct {
	Binding  *Binding // nil: global
	Scope    *Scope
	Function *Function
	Write    bool
	// Init: the write is the declaration's own.
	Init bool
	// Check: the reference may meet the temporal dead zone.
	Check bool
	// Dead: it always meets it: a default value that says a later parameter.
	Dead bool
	name string
	at   file.Idx
}

// Problem is something that can't be compiled.
type Problem struct {
	At   file.Idx
	Text string
	Hint string
	// Warning: compiled all the same.
	Warning bool
}

// Info is the result of Analyse.
type Info struct {
	Module *Function
	// List has functions and classes by ID; one of the two is set.
	List      []Entry
	Functions map[ast.Node]*Function
	Classes   map[*ast.ClassLiteral]*Class
	Scopes    map[ast.Node]*Scope
	Refs      map[*ast.Identifier]*Ref
	// Suspends has the nodes with an await or yield of their own function in them.
	Suspends map[ast.Node]bool
	Problems []Problem
}

// Entry is a function or a class.
type Entry struct {
	Function *Function
	Class    *Class
}
