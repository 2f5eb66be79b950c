package compile

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"

	"kont/jsvm/syntax"
)

// badTarget is what goja's parser says of an array pattern with defaults that has a default itself, as a property of an object pattern:
// `const { a: [b = 1] = [] } = c`, which ECMAScript 14.3.3 allows. It takes `b = 1` for a target there, but reads the same text in an assignment as it should.
const badTarget = "Invalid destructuring binding target"

// repairPatterns gives such array patterns the elements that they have when they are parsed as the left side of an assignment. It reports whether the program, which
// was parsed with these errors, is what the text says.
func repairPatterns(program *ast.Program, list parser.ErrorList, text string) bool {
	for _, e := range list {
		if e.Message != badTarget {
			return false
		}
	}
	if program == nil {
		return false
	}
	isWhole := true
	syntax.Walk(program, func(n ast.Node) bool {
		pattern, ok := n.(*ast.ArrayPattern)
		if ok && hasBadElement(pattern) {
			read := assignmentPattern(text, pattern.LeftBracket, pattern.RightBracket)
			if read == nil {
				isWhole = false
				return false
			}
			pattern.Elements, pattern.Rest = read.Elements, read.Rest
		}
		if _, isBad := n.(*ast.BadExpression); isBad {
			isWhole = false
		}
		return isWhole
	})
	return isWhole
}

func hasBadElement(pattern *ast.ArrayPattern) bool {
	for _, element := range pattern.Elements {
		if _, isBad := element.(*ast.BadExpression); isBad {
			return true
		}
	}
	return false
}

// assignmentPattern parses the text between two brackets as the left side of an assignment, at its place: an await or a yield may be among the defaults.
func assignmentPattern(text string, left, right file.Idx) *ast.ArrayPattern {
	const before, after = "async function*f(){", " = 0}"
	from, to := int(left)-1, int(right)
	// The second file of a set begins one after the end of the first.
	if from < len(before)+1 || to > len(text) || to <= from {
		return nil
	}
	var set file.FileSet
	set.AddFile("", text[:from-len(before)-1])
	program, err := parser.ParseFile(&set, "", before+text[from:to]+after, 0, parser.WithDisableSourceMaps)
	if err != nil || len(program.Body) != 1 {
		return nil
	}
	function, ok := program.Body[0].(*ast.FunctionDeclaration)
	if !ok || len(function.Function.Body.List) != 1 {
		return nil
	}
	statement, ok := function.Function.Body.List[0].(*ast.ExpressionStatement)
	if !ok {
		return nil
	}
	assignment, ok := statement.Expression.(*ast.AssignExpression)
	if !ok {
		return nil
	}
	pattern, _ := assignment.Left.(*ast.ArrayPattern)
	if pattern == nil || pattern.LeftBracket != left {
		return nil
	}
	return pattern
}
