package jsvm

import (
	"fmt"

	"kont/jsvm/compile"
)

// Rewritten is what the continuation compiler made of a bundle, as JavaScript for people to read.
type Rewritten struct {
	// Functions are those that were taken out of their place, in the order of the script.
	Functions []RewrittenFunction `json:"functions"`
	// Module is the code that runs as the bundle loads; all other functions are in it, or in functions in it, as the author wrote them.
	Module string `json:"module"`
}

// RewrittenFunction is a function with its factory and, if it waits, the blocks between its awaits.
type RewrittenFunction struct {
	Key      string   `json:"key"`
	Function string   `json:"function"`
	At       Position `json:"at"`
	// Own: of the author's sources, not of a package or of the bundler.
	Own  bool   `json:"own"`
	Text string `json:"text"`
}

// Rewritten compiles the bundle once more and prints it. Comments name the resume points; names of the compiler's own
// start with $ where the program has %.
func (b *Bundle) Rewritten() (*Rewritten, error) {
	r, err := compile.RewrittenOf(b.compileScript())
	if err != nil {
		return nil, fmt.Errorf("print bundle %x: %w", b.hash[:4], err)
	}
	out := &Rewritten{Functions: []RewrittenFunction{}, Module: r.Module}
	for _, f := range r.Functions {
		at := Position{File: f.At.Module, Line: f.At.Line, Column: f.At.Column}
		out.Functions = append(out.Functions, RewrittenFunction{Key: f.Key, Function: pathOf(f.Key), At: at, Own: b.isOwn(at.File), Text: f.Text})
	}
	return out, nil
}
