package compile

import (
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// values remembers what variables are given where they are declared, to tell people what a variable holds.
type values struct {
	initial map[*scope.Binding]ast.Expression
	items   map[*scope.Binding]ast.Expression // of what the variable goes through in a for…of loop
}

func valuesOf(info *scope.Info, program *ast.Program) values {
	v := values{initial: map[*scope.Binding]ast.Expression{}, items: map[*scope.Binding]ast.Expression{}}
	note := func(to map[*scope.Binding]ast.Expression, target ast.Node, value ast.Expression) {
		if id, ok := target.(*ast.Identifier); ok && !syntax.IsNil(value) {
			if ref := info.Refs[id]; ref != nil && ref.Binding != nil {
				to[ref.Binding] = value
			}
		}
	}
	syntax.Walk(program, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.Binding:
			note(v.initial, n.Target, n.Initializer)
		case *ast.ForOfStatement:
			switch into := n.Into.(type) {
			case *ast.ForDeclaration:
				note(v.items, into.Target, n.Source)
			case *ast.ForIntoVar:
				note(v.items, into.Binding.Target, n.Source)
			}
		}
		return true
	})
	return v
}

// typeOf is what a variable holds: as the author annotated it, or else as its initial value shows; "" if neither tells.
func (o *outliner) typeOf(b *scope.Binding) string {
	if at, _ := o.at.of(b.At); b.At > 0 {
		if written := annotation(o.textAt(at), b.SourceName); written != "" {
			return written
		}
	}
	switch b.Kind {
	case scope.FuncDecl, scope.SelfName:
		return "function"
	case scope.ClassDecl, scope.ClassName:
		return "class"
	case scope.Catch:
		return "thrown"
	}
	if list, ok := o.values.items[b]; ok {
		if array, ok := list.(*ast.ArrayLiteral); ok && len(array.Value) > 0 {
			return o.typeOfValue(array.Value[0], 0)
		}
		return ""
	}
	if value, ok := o.values.initial[b]; ok {
		return o.typeOfValue(value, 0)
	}
	return ""
}

const inferDepthMax = 8

// typeOfValue is the type of an expression as far as it can be read off it.
func (o *outliner) typeOfValue(e ast.Expression, depth int) string {
	if depth > inferDepthMax || syntax.IsNil(e) {
		return ""
	}
	switch e := e.(type) {
	case *ast.NumberLiteral:
		if _, ok := e.Value.(int64); !ok && strings.HasSuffix(e.Literal, "n") {
			return "bigint"
		}
		return "number"
	case *ast.StringLiteral, *ast.TemplateLiteral:
		if template, ok := e.(*ast.TemplateLiteral); ok && !syntax.IsNil(template.Tag) {
			return ""
		}
		return "string"
	case *ast.BooleanLiteral:
		return "boolean"
	case *ast.NullLiteral:
		return "null"
	case *ast.RegExpLiteral:
		return "RegExp"
	case *ast.ArrayLiteral:
		if len(e.Value) > 0 {
			if item := o.typeOfValue(e.Value[0], depth+1); item != "" && !strings.ContainsAny(item, " |=") {
				return item + "[]"
			}
		}
		return "array"
	case *ast.ObjectLiteral:
		return "object"
	case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
		return "function"
	case *ast.ClassLiteral:
		return "class"
	case *ast.NewExpression:
		if name := calleeName(e.Callee); name != "" {
			return strings.TrimPrefix(name, "W.")
		}
	case *ast.UnaryExpression:
		switch e.Operator {
		case token.NOT, token.DELETE:
			return "boolean"
		case token.TYPEOF:
			return "string"
		case token.VOID:
			return "undefined"
		case token.PLUS, token.INCREMENT, token.DECREMENT:
			return "number"
		case token.MINUS:
			return o.typeOfValue(e.Operand, depth+1)
		}
	case *ast.BinaryExpression:
		return o.typeOfBinary(e, depth)
	case *ast.ConditionalExpression:
		if yes := o.typeOfValue(e.Consequent, depth+1); yes == o.typeOfValue(e.Alternate, depth+1) {
			return yes
		}
	case *ast.Identifier:
		if ref := o.info.Refs[e]; ref != nil && ref.Binding != nil {
			if value, ok := o.values.initial[ref.Binding]; ok && !ref.Binding.Reassigned {
				return o.typeOfValue(value, depth+1)
			}
		}
		if e.Name == "undefined" {
			return "undefined"
		}
	case *ast.CallExpression:
		return resultTypes[calleeName(e.Callee)]
	}
	return ""
}

// resultTypes are the results of calls that workflows often keep.
var resultTypes = map[string]string{
	"W.ref": "Ref", "W.refId": "Ref", "W.sleep": "Ref", "W.suspend": "Suspension", "W.inbox": "Inbox", "Promise.all": "Promise", "Promise.race": "Promise", "Promise.any": "Promise",
	"Promise.allSettled": "Promise", "Promise.resolve": "Promise", "Promise.reject": "Promise", "Date.now": "number", "String": "string", "Number": "number", "BigInt": "bigint",
	"Boolean": "boolean", "Symbol": "symbol", "Symbol.for": "symbol", "Array.from": "array", "Array.of": "array", "Object.keys": "string[]", "JSON.stringify": "string", "Math.random": "number",
	"crypto.randomUUID": "string", "Object.create": "object", "Object.freeze": "object", "Proxy.revocable": "Proxy",
}

func (o *outliner) typeOfBinary(e *ast.BinaryExpression, depth int) string {
	if e.Comparison {
		return "boolean"
	}
	left, right := o.typeOfValue(e.Left, depth+1), o.typeOfValue(e.Right, depth+1)
	switch e.Operator {
	case token.PLUS:
		if left == "string" || right == "string" {
			return "string"
		}
	case token.LOGICAL_AND, token.LOGICAL_OR, token.COALESCE:
	case token.IN, token.INSTANCEOF:
		return "boolean"
	default:
		if left != "bigint" && right != "bigint" {
			return "number"
		}
		return "bigint"
	}
	if left == right {
		return left
	}
	return ""
}

// calleeName is how an author writes a function: name, or object.name; the library is W.
func calleeName(e ast.Expression) string {
	if list, ok := e.(*ast.SequenceExpression); ok && len(list.Sequence) == 2 {
		e = list.Sequence[1] // (0, import_kont.ref)(…)
	}
	switch e := e.(type) {
	case *ast.Identifier:
		return e.Name.String()
	case *ast.DotExpression:
		if left, ok := e.Left.(*ast.Identifier); ok {
			name := left.Name.String()
			if strings.HasPrefix(name, "import_kont") {
				name = "W"
			}
			return name + "." + e.Identifier.Name.String()
		}
	}
	return ""
}

// annotation is the type that stands behind a name in a line of TypeScript; "" if there is none.
func annotation(text, name string) string {
	rest, ok := strings.CutPrefix(text, name)
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(strings.TrimLeft(rest, "?!"), " ")
	if !strings.HasPrefix(rest, ":") {
		return ""
	}
	rest = strings.TrimSpace(rest[1:])
	depth := 0
	end := len(rest)
scan:
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; c {
		case '(', '[', '{', '<':
			depth++
		case ')', ']', '}':
			if depth == 0 {
				end = i
				break scan
			}
			depth--
		case '>':
			if i > 0 && rest[i-1] == '=' {
				continue // of =>
			}
			depth--
		case '"', '\'':
			if j := strings.IndexByte(rest[i+1:], c); j >= 0 {
				i += j + 1
			}
		case ',', ';':
			if depth == 0 {
				end = i
				break scan
			}
		case '=':
			if depth == 0 && (i+1 >= len(rest) || rest[i+1] != '>') {
				end = i
				break scan
			}
		case ' ':
			if depth == 0 && (strings.HasPrefix(rest[i:], " of ") || strings.HasPrefix(rest[i:], " in ")) {
				end = i
				break scan
			}
		}
	}
	return strings.TrimSpace(rest[:end])
}
