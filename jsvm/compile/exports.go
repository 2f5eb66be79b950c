package compile

import (
	"strconv"
	"strings"

	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

// Exports tells where in the author's sources the things stand that a script exports. It is made
// when the script turns out wrong only as it runs, to say where.
type Exports struct {
	// Names of an entry file in ECMAScript module format, in the bundler's order.
	Names []string

	at     *positions
	values map[string]ast.Node // of Names, or of what a CommonJS file assigns to its exports
	locals map[string]ast.Node // what is declared with a name; the last one, if there are several
	texts  map[string]ast.Node // string literals by their value
	config map[string]ast.Node // what is assigned to properties of a `config`
}

// FindExports reads a script again. Its error is that of Compile.
func FindExports(script Script) (*Exports, error) {
	p, err := positionsOf(script)
	if err != nil {
		return nil, err
	}
	program, err := parse(script, p)
	if err != nil {
		return nil, err
	}
	e := &Exports{at: p, values: map[string]ast.Node{}, locals: map[string]ast.Node{}, texts: map[string]ast.Node{}, config: map[string]ast.Node{}}
	syntax.Walk(program, func(node ast.Node) bool {
		e.note(node)
		return true
	})
	e.table(program)
	return e, nil
}

// note remembers what a node declares or assigns.
func (e *Exports) note(node ast.Node) {
	switch n := node.(type) {
	case *ast.Binding:
		if name, ok := n.Target.(*ast.Identifier); ok && n.Initializer != nil {
			e.locals[name.Name.String()] = n.Initializer
		}
	case *ast.FunctionDeclaration:
		e.locals[n.Function.Name.Name.String()] = n.Function
	case *ast.ClassDeclaration:
		e.locals[n.Class.Name.Name.String()] = n.Class
	case *ast.StringLiteral:
		if text := n.Value.String(); e.texts[text] == nil && e.isMapped(n) {
			e.texts[text] = n
		}
	case *ast.AssignExpression:
		switch left := n.Left.(type) {
		case *ast.Identifier: // a module that the bundler has put into a function, because of a cycle
			e.locals[left.Name.String()] = n.Right
		case *ast.DotExpression:
			name := left.Identifier.Name.String()
			switch {
			case isName(left.Left, "module") && name == "exports":
				if e.isMapped(n) {
					e.values[""] = n.Right
				}
			case isName(left.Left, "exports"), isExportsOfModule(left.Left):
				e.values[name] = n.Right
			case isProperty(left.Left, "config"):
				e.config[name] = n.Right
			}
		}
	}
}

// table reads what the bundler writes for a module in ECMAScript format:
//
//	__export(app_exports, {default: () => main});
//	module.exports = __toCommonJS(app_exports);
func (e *Exports) table(program *ast.Program) {
	tables, entry := map[string]*ast.ObjectLiteral{}, ""
	for _, statement := range program.Body {
		do, ok := statement.(*ast.ExpressionStatement)
		if !ok {
			continue
		}
		switch n := do.Expression.(type) {
		case *ast.CallExpression:
			if name, getters := exportCall(n); getters != nil {
				tables[name] = getters
			}
		case *ast.AssignExpression:
			call, isCall := n.Right.(*ast.CallExpression)
			if !isCall || !isExportsOfModule(n.Left) || !isName(call.Callee, "__toCommonJS") || len(call.ArgumentList) != 1 {
				continue
			}
			if name, ok := call.ArgumentList[0].(*ast.Identifier); ok {
				entry = name.Name.String()
			}
		}
	}
	e.take(tables[entry])
}

// take makes the getters of the entry file its exports.
func (e *Exports) take(getters *ast.ObjectLiteral) {
	if getters == nil {
		return
	}
	e.values = map[string]ast.Node{}
	for _, property := range getters.Value {
		keyed, ok := property.(*ast.PropertyKeyed)
		if !ok {
			continue
		}
		key, isText := keyed.Key.(*ast.StringLiteral)
		getter, isArrow := keyed.Value.(*ast.ArrowFunctionLiteral)
		if !isText || !isArrow {
			continue
		}
		if body, ok := getter.Body.(*ast.ExpressionBody); ok {
			e.Names = append(e.Names, key.Value.String())
			e.values[key.Value.String()] = body.Expression
		}
	}
}

// Place is where the value of an export stands, or of a property or an item in it, named by a path from it. As much of the path is followed
// as the source spells out. ok is false if not even the export is found.
func (e *Exports) Place(export string, path ...string) (at Position, ok bool) {
	node := e.values[export]
	if whole := e.values[""]; node == nil && whole != nil { // module.exports = {manifest: …}
		node = e.part(e.value(whole), export)
		if node == nil {
			node = whole
		}
	}
	if node == nil {
		return Position{}, false
	}
	found := false
	for {
		node = e.value(node)
		if here, ok := e.position(node); ok {
			at, found = here, true
		}
		if len(path) == 0 {
			return at, found
		}
		if node = e.part(node, path[0]); node == nil {
			return at, found
		}
		path = path[1:]
	}
}

// Config is where a property of W.config is assigned.
func (e *Exports) Config(property string) (Position, bool) {
	return e.position(e.config[property])
}

// Topic is where a topic is named: in the manifest, in an assignment to W.config, or else where its name stands first.
func (e *Exports) Topic(topic string) (Position, bool) {
	var candidates []ast.Node
	if manifest := e.values["manifest"]; manifest != nil {
		if topics := e.part(e.value(manifest), "outputTopics"); topics != nil {
			if list, ok := e.value(topics).(*ast.ArrayLiteral); ok {
				for _, item := range list.Value {
					candidates = append(candidates, item)
				}
			}
		}
	}
	candidates = append(candidates, e.config["resultTopic"], e.config["errorTopic"])
	for _, node := range candidates {
		if syntax.IsNil(node) {
			continue
		}
		if text, ok := e.value(node).(*ast.StringLiteral); ok && text.Value.String() == topic {
			return e.position(node)
		}
	}
	return e.position(e.texts[topic])
}

func (e *Exports) position(node ast.Node) (Position, bool) {
	if syntax.IsNil(node) || !e.isMapped(node) {
		return Position{}, false
	}
	at, _ := e.at.of(node.Idx0())
	return at, true
}

// namesFollowedMax bounds the way from a name to a name, which may be a circle.
const namesFollowedMax = 16

// value follows names to what they are declared with.
func (e *Exports) value(node ast.Node) ast.Node {
	for range namesFollowedMax {
		name, ok := node.(*ast.Identifier)
		if !ok {
			break
		}
		next := e.locals[name.Name.String()]
		if next == nil {
			break
		}
		node = next
	}
	return node
}

// part is a property of an object literal or an item of an array literal, nil if it is not spelled out.
// A call is taken to give its first argument back, as Object.freeze does.
func (e *Exports) part(node ast.Node, name string) ast.Node {
	switch n := node.(type) {
	case *ast.ObjectLiteral:
		for _, property := range n.Value {
			switch p := property.(type) {
			case *ast.PropertyKeyed:
				if key, ok := p.Key.(*ast.StringLiteral); ok && !p.Computed && key.Value.String() == name {
					return p.Value
				}
			case *ast.PropertyShort:
				if p.Name.Name.String() == name {
					return &p.Name
				}
			}
		}
	case *ast.ArrayLiteral:
		if i, err := strconv.Atoi(name); err == nil && i < len(n.Value) && !syntax.IsNil(n.Value[i]) {
			return n.Value[i]
		}
	case *ast.CallExpression:
		if len(n.ArgumentList) > 0 {
			return e.part(e.value(n.ArgumentList[0]), name)
		}
	}
	return nil
}

// isMapped: the node stands in a source of the author, not in what the bundler adds.
func (e *Exports) isMapped(node ast.Node) bool {
	at, _ := e.at.of(node.Idx0())
	return e.at.consumer == nil || at.Module != e.at.name
}

// exportCall takes __export(name, {…}) apart.
func exportCall(call *ast.CallExpression) (name string, getters *ast.ObjectLiteral) {
	if len(call.ArgumentList) != 2 {
		return "", nil
	}
	callee, ok := call.Callee.(*ast.Identifier)
	target, isNamed := call.ArgumentList[0].(*ast.Identifier)
	object, isObject := call.ArgumentList[1].(*ast.ObjectLiteral)
	if !ok || !isNamed || !isObject || !strings.HasPrefix(callee.Name.String(), "__export") {
		return "", nil
	}
	return target.Name.String(), object
}

func isName(node ast.Node, name string) bool {
	id, ok := node.(*ast.Identifier)
	return ok && id.Name.String() == name
}

func isExportsOfModule(node ast.Node) bool {
	dot, ok := node.(*ast.DotExpression)
	return ok && dot.Identifier.Name == "exports" && isName(dot.Left, "module")
}

func isProperty(node ast.Node, name string) bool {
	dot, ok := node.(*ast.DotExpression)
	return ok && dot.Identifier.Name.String() == name
}
