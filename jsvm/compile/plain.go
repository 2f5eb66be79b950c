package compile

import (
	"errors"
	"fmt"

	"github.com/dop251/goja"
)

// Plain compiles a script that no thread ever runs, such as a test, for the engine's own async functions. What Compile mends of the engine's
// parser is mended here too, and positions lead to the author's source in the same way.
func Plain(script Script) (*goja.Program, error) {
	p, err := positionsOf(script)
	if err != nil {
		return nil, err
	}
	parsed, err := parse(script, p)
	if err != nil {
		return nil, err
	}
	if unknown := p.unknownImports(parsed, script.Modules); len(unknown) > 0 {
		return nil, &Error{Diagnostics: unknown}
	}
	if err := p.repair(parsed, script.Text); err != nil {
		return nil, err
	}
	program, err := goja.CompileAST(parsed, true)
	var syntaxError *goja.CompilerSyntaxError
	if errors.As(err, &syntaxError) {
		at := syntaxError.File.Position(syntaxError.Offset) // mapped already
		if at.Filename != script.Name {
			at.Column++ // goja counts mapped columns from 0
		}
		return nil, &Error{Diagnostics: []Diagnostic{{File: at.Filename, Line: at.Line, Column: at.Column, Text: syntaxError.Message}}}
	}
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", script.Name, err)
	}
	return program, nil
}
