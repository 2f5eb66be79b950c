package compile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dop251/goja/ast"

	"kont/jsvm/printer"
)

// Rewritten is what became of a script, as JavaScript for people. Nothing runs it.
type Rewritten struct {
	// Functions are those that were taken out of their place: all that are async or generators, and those that use
	// variables of functions around them. The others stand where the author has put them.
	Functions []RewrittenFunction
	// Module is the code that runs as the bundle loads, without the tables for the codec.
	Module string
}

// RewrittenFunction is one function.
type RewrittenFunction struct {
	Key  string
	Name string
	At   Position
	// Text has the factory, which makes the function from an environment, and for one that waits the blocks between its awaits.
	Text string
}

// RewrittenOf compiles a script and prints the result, with comments that name the resume points.
func RewrittenOf(script Script) (*Rewritten, error) {
	p, err := positionsOf(script)
	if err != nil {
		return nil, err
	}
	program, err := Compile(script)
	if err != nil {
		return nil, err
	}
	body, err := loadBody(program.AST)
	if err != nil {
		return nil, err
	}
	r := &rewriter{positions: p, manifest: program.Manifest, texts: map[int][]string{}}
	result := &Rewritten{}
	var module []ast.Statement
	isModule := false
	for _, s := range body {
		switch {
		case isRegistration(s):
			isModule = true
		case isModule:
			module = append(module, s)
		default:
			r.part(s)
		}
	}
	for id := range program.Manifest.Functions {
		texts := r.texts[id]
		if len(texts) == 0 {
			continue
		}
		f := &program.Manifest.Functions[id]
		result.Functions = append(result.Functions, RewrittenFunction{Key: f.Key, Name: f.Name, At: f.At, Text: strings.Join(texts, "\n")})
	}
	if n := len(module); n > 0 {
		module = module[:n-1] // return %table
	}
	result.Module = printer.PrintWith(&ast.Program{Body: module}, r.comment(0))
	return result, nil
}

// loadBody is the body of the one function that the program is.
func loadBody(program *ast.Program) ([]ast.Statement, error) {
	if len(program.Body) == 1 {
		if s, ok := program.Body[0].(*ast.ExpressionStatement); ok {
			if f, ok := s.Expression.(*ast.FunctionLiteral); ok {
				return f.Body.List, nil
			}
		}
	}
	return nil, fmt.Errorf("the program has no load function")
}

// isRegistration: the tables are told to the library right before the module's code.
func isRegistration(s ast.Statement) bool {
	do, ok := s.(*ast.ExpressionStatement)
	if !ok {
		return false
	}
	call, ok := do.Expression.(*ast.CallExpression)
	if !ok {
		return false
	}
	dot, ok := call.Callee.(*ast.DotExpression)
	return ok && isName(dot.Left, "%rt") && dot.Identifier.Name == "register"
}

type rewriter struct {
	*positions
	manifest *Manifest
	texts    map[int][]string // by function
}

// part prints a factory, a table of handlers or the table of step functions, each to the function that it belongs to.
func (r *rewriter) part(s ast.Statement) {
	switch n := s.(type) {
	case *ast.FunctionDeclaration:
		name := n.Function.Name.Name.String()
		if id, ok := numberAfter(name, "%F"); ok {
			r.add(id, printer.PrintWith(s, r.comment(id)))
		} else if id, ok := numberAfter(name, "%I"); ok {
			r.add(id, printer.PrintWith(s, r.comment(id)))
		}
	case *ast.LexicalDeclaration:
		name, ok := n.List[0].Target.(*ast.Identifier)
		if !ok {
			return
		}
		if id, ok := numberAfter(name.Name.String(), "%H"); ok {
			r.add(id, printer.Print(s))
			return
		}
		table, ok := n.List[0].Initializer.(*ast.ArrayLiteral)
		if name.Name != "%steps" || !ok {
			return
		}
		for id, step := range table.Value {
			if step != nil {
				r.add(id, fmt.Sprintf("$steps[%d] = %s;", id, printer.PrintWith(unnamed(step), r.comment(id))))
			}
		}
	}
}

// unnamed takes a step function out of the object that gives it its name for stack traces.
func unnamed(step ast.Expression) ast.Expression {
	if bracket, ok := step.(*ast.BracketExpression); ok {
		if object, ok := bracket.Left.(*ast.ObjectLiteral); ok && len(object.Value) == 1 {
			if property, ok := object.Value[0].(*ast.PropertyKeyed); ok {
				return property.Value
			}
		}
	}
	return step
}

func (r *rewriter) add(id int, text string) {
	if id < len(r.manifest.Functions) {
		r.texts[id] = append(r.texts[id], text)
	}
}

func numberAfter(name, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	id, err := strconv.Atoi(digits)
	return id, err == nil
}

// comment names the resume point where a step function of id gives up control: there it sets the frame's operand.
func (r *rewriter) comment(id int) func(ast.Statement) string {
	return func(s ast.Statement) string {
		do, ok := s.(*ast.ExpressionStatement)
		if !ok {
			return ""
		}
		assign, ok := do.Expression.(*ast.AssignExpression)
		if !ok {
			return ""
		}
		dot, ok := assign.Left.(*ast.DotExpression)
		if !ok || !isName(dot.Left, "%f") || dot.Identifier.Name != "a" {
			return ""
		}
		at, _ := r.of(dot.Left.Idx0())
		points := r.manifest.Functions[id].Points
		i := slices.IndexFunc(points, func(p Point) bool { return p.At == at && p.Key != "start" })
		if i < 0 {
			return ""
		}
		text := fmt.Sprintf("%s:%d:%d %s", at.Module, at.Line, at.Column, points[i].Key)
		if line := sourceLine(r.text(at.Module), at.Line); line != "" {
			text += "  " + line
		}
		return text
	}
}

func sourceLine(text string, number int) string {
	lines := strings.SplitN(text, "\n", number+1)
	if number < 1 || number > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[number-1])
}
