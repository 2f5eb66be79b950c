package emit

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

// A loop with an await in a branch comes to the block after that branch in two ways, and so twice a turn through the decision tree, though
// the branch is hardly ever taken:
//
//	for (…) { if (a) await b; s += i; }
//
//	2: if (i < n) { if (a) { suspend, 1 } else go 3 } else …      1: go 3
//	3: s += i; i++; go 2
//
// With a copy of block 3 in its place, block 2 only ever goes back to itself, which is a plain loop:
//
//	2: for (;;) { if (i < n) { if (a) { suspend, 1 } else { s += i; i++; continue } } else … }      1: s += i; i++; go 2

// copiedNodesMax bounds the size of a block that is copied, in nodes of its syntax.
const copiedNodesMax = 40

// dropCopied takes from the leaders those that are short enough to have a copy wherever control comes to them: straight code of the same handler as
// all that lead there, and without functions, whose code would have to be compiled twice under one number, and templates.
func (e *emitter) dropCopied(leads map[*ir.Block]bool) {
	stays := map[*ir.Block]bool{e.f.Entry: true}
	for _, point := range e.f.Points {
		stays[point.Resume] = true
	}
	for _, b := range e.f.Blocks {
		if b.Handler != nil {
			stays[b.Handler] = true
		}
		for _, to := range b.Exits {
			stays[to] = true
		}
		follow := func(to *ir.Block) {
			if to.Handler != b.Handler {
				stays[to] = true
			}
		}
		switch t := b.Term.(type) {
		case *ir.Jump:
			follow(t.To)
		case *ir.Branch:
			follow(t.Then)
			follow(t.Else)
		}
	}
	for _, b := range e.f.Blocks {
		if !leads[b] || stays[b] {
			continue
		}
		end, ok := shortCode(b, leads)
		if !ok || end == b {
			continue
		}
		if end != nil {
			stays[end] = true // else copies could lead to copies for ever
		}
		delete(leads, b)
	}
}

// shortCode reports whether what runs from b on is straight and short as far as the next leader, which it returns, or the end of the function.
func shortCode(b *ir.Block, leads map[*ir.Block]bool) (end *ir.Block, ok bool) {
	count := 0
	measure := func(n ast.Node) {
		syntax.Walk(n, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral, *ast.ClassLiteral, *ast.TemplateLiteral: // the object of a tagged template belongs to one place
				count += copiedNodesMax
			}
			count++
			return count <= copiedNodesMax
		})
	}
	for {
		for _, s := range b.Body {
			measure(s)
		}
		switch t := b.Term.(type) {
		case *ir.Return:
			measure(t.Value)
			return nil, len(b.Exits) == 0 && count <= copiedNodesMax
		case *ir.Jump:
			if len(b.Exits) > 0 || count > copiedNodesMax {
				return nil, false
			}
			if b = t.To; leads[b] {
				return b, true
			}
		default:
			return nil, false
		}
	}
}
