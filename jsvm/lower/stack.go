package lower

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

// tracing is what a catch clause begins with whose code reads a stack, as text.
//
//	catch (e) { log(e.stack) }
//
//	becomes   catch (e) { %trace(e); log(e.stack) }
//
// so that the author sees the stack that an error has when an await throws it. Other catch clauses are left alone: writing a stack costs more
// than catching. The name is all that can be seen here; a stack that is read elsewhere, of an error that no async function has thrown, is the engine's.
func tracing(n *ast.CatchStatement, thrown *ast.Identifier) []ast.Statement {
	if !readsStack(n.Body) {
		return nil
	}
	b := syntax.At(n)
	return []ast.Statement{b.Do(b.CallNamed("%trace", thrown))}
}

func readsStack(body ast.Node) (reads bool) {
	syntax.Walk(body, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.DotExpression:
			reads = reads || n.Identifier.Name == "stack"
		case *ast.StringLiteral: // e["stack"], and keys of patterns
			reads = reads || n.Value == "stack"
		case *ast.PropertyShort:
			reads = reads || n.Name.Name == "stack"
		}
		return !reads
	})
	return reads
}
