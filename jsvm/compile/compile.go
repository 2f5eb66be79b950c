package compile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/parser"

	"kont/jsvm/emit"
	"kont/jsvm/lower"
	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// Script is the input: what the bundler made of the author's sources.
type Script struct {
	// Name is the file name that errors show where no source map leads further.
	Name string
	// Text is one script in CommonJS form, ASCII only: goja counts columns in
	// bytes.
	Text string
	// SourceMap is the JSON of its source map, nil if there is none.
	SourceMap []byte
	// Modules has, for modules outside the script, the names that they export; an
	// import of another name is refused. Nil: imports are not looked at, since a
	// stored script may be older than the check.
	Modules map[string][]string
}

// Program is a compiled script.
type Program struct {
	// Prog evaluates to the load function, see package emit. It may be shared by
	// any number of VMs.
	Prog *goja.Program
	// Manifest tells what is in it.
	Manifest *Manifest
	// AST is what Prog was compiled from, for the printer.
	AST *ast.Program
	// Warnings did not stop the compiler.
	Warnings []Diagnostic
}

// repair mends what goja's parser gets wrong.
func (p *positions) repair(parsed *ast.Program, text string) error {
	placeEmptyLoops(parsed)
	if unclear := repairChains(parsed, text); len(unclear) > 0 {
		return &Error{Diagnostics: []Diagnostic{p.diagnostic(scope.Problem{At: unclear[0],
			Text: "comparisons in a row (`a < b < c`) are not supported here", Hint: "keep the first result in a variable"})}}
	}
	return nil
}

// Compile rewrites and compiles a script. The error is an *Error if it is the
// script's fault. The same input gives the same output, manifest included.
func Compile(script Script) (*Program, error) {
	program, _, err := compileScript(script, false)
	return program, err
}

// compileScript compiles, and makes an Outline if asked for one.
func compileScript(script Script, outlined bool) (program *Program, outline *Outline, err error) {
	p, err := positionsOf(script)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := parse(script, p)
	if err != nil {
		return nil, nil, err
	}
	var current ast.Node
	defer func() {
		if r := recover(); r != nil {
			program, outline, err = nil, nil, p.internal(current, r)
		}
	}()
	if unknown := p.unknownImports(parsed, script.Modules); len(unknown) > 0 {
		return nil, nil, &Error{Diagnostics: unknown}
	}
	if err := p.repair(parsed, script.Text); err != nil {
		return nil, nil, err
	}
	refused, tooDeep := expandRegExps(parsed)
	if script.Modules == nil {
		refused = nil // a stored bundle was accepted by the build that made it
	}
	if refused = append(refused, tooDeep...); len(refused) > 0 {
		_, err := p.problems(refused)
		return nil, nil, err
	}
	info := scope.Analyse(parsed)
	labels, problems := takeLabels(script, info, parsed)
	warnings, err := p.problems(append(info.Problems, problems...))
	if err != nil {
		return nil, nil, err
	}
	manifest := newBuilder(script, info, p)
	manifest.describe()
	operands := manifest.operands()
	var o *outliner
	if outlined {
		o = newOutliner(manifest, parsed, labels)
	}
	lowered, err := lower.Lower(info, parsed)
	var refusal *lower.Refusal
	if errors.As(err, &refusal) {
		return nil, nil, &Error{Diagnostics: []Diagnostic{p.diagnostic(refusal.Problem)}}
	}
	if err != nil {
		return nil, nil, err
	}
	output := emit.Program(info, lowered, manifest.moduleOf)
	output.File = parsed.File
	if node := survivor(output); node != nil {
		return nil, nil, p.internal(node, fmt.Sprintf("%T survived lowering", node))
	}
	prog, err := goja.CompileAST(output, true)
	var syntaxError *goja.CompilerSyntaxError
	if errors.As(err, &syntaxError) {
		line, column := p.lineColumn(syntaxError.Offset)
		return nil, nil, &Error{Diagnostics: []Diagnostic{p.at(line, column, syntaxError.Message, "")}}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("compile %s: %w", script.Name, err)
	}
	program = &Program{Prog: prog, Manifest: manifest.complete(lowered, operands, labels), AST: output, Warnings: warnings}
	if o != nil {
		outline = o.complete(lowered)
	}
	return program, outline, nil
}

func parse(script Script, p *positions) (program *ast.Program, err error) {
	defer func() {
		// goja's parser panics on some malformed input.
		if r := recover(); r != nil {
			program, err = nil, &Error{Diagnostics: []Diagnostic{{File: script.Name, Line: 1, Column: 1, Text: fmt.Sprintf("can't be parsed: %v", r)}}}
		}
	}()
	program, err = parser.ParseFile(nil, script.Name, script.Text, 0, parser.WithDisableSourceMaps)
	var list parser.ErrorList
	if err == nil || errors.As(err, &list) && repairPatterns(program, list, script.Text) {
		if p.shifted != nil {
			program.File.SetSourceMap(p.shifted)
		}
		return program, nil
	}
	if list == nil {
		return nil, fmt.Errorf("parse %s: %w", script.Name, err)
	}
	failure := &Error{}
	for _, e := range list {
		failure.Diagnostics = append(failure.Diagnostics, p.at(e.Position.Line, e.Position.Column, e.Message, hintFor(e.Message)))
	}
	return nil, failure
}

// survivor finds a node that goja would run natively although it can be alive at
// a suspension: goja compiles a stray await without a word.
func survivor(program *ast.Program) (found ast.Node) {
	syntax.Walk(program, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AwaitExpression, *ast.YieldExpression:
			found = n
		case *ast.FunctionLiteral:
			if n.Async || n.Generator {
				found = n
			}
		case *ast.ArrowFunctionLiteral:
			if n.Async {
				found = n
			}
		}
		return found == nil
	})
	return found
}

// hintFor is a way out of what goja's parser does not know.
func hintFor(message string) string {
	if strings.Contains(message, badTarget) {
		return "an array pattern with defaults inside can't have a default itself (`{a: [b = 1] = c}`): take it apart in a second statement"
	}
	return ""
}
