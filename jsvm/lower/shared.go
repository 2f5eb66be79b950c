package lower

import (
	"strings"

	"github.com/dop251/goja/ast"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// What the author's module code has made is frozen once the bundle has loaded. A function that changes it gets a TypeError, and where the
// source says which variable it is, the error does:
//
//	cache.a.b = x      becomes   %sharedPlace(cache.a, "b", "cache").v = x
//	list.push(x)       becomes   %sharedMethod(list, "push", "list")(x)
//	delete cache.a     becomes   %deleteShared(cache, "a", "cache")
//
// The obvious alternative, to let the error be as it is and find the name when it is caught, would have to look at every error. This costs nothing
// where nothing is frozen: not in module code itself, in packages, or for variables that functions reassign, whose objects are mostly
// the thread's own.

// sharedRoot is the variable that a property belongs to, "cache" for `cache.a.b`, if changing the property is a mistake; else "".
func (c *context) sharedRoot(property ast.Expression) string {
	if c.fn.Kind == scope.Module {
		return ""
	}
	for {
		switch n := property.(type) {
		case *ast.DotExpression:
			property = n.Left
		case *ast.BracketExpression:
			property = n.Left
		case *ast.Identifier:
			if r := c.info.Refs[n]; r != nil && r.Binding != nil && c.isShared(r.Binding) {
				return c.sharedName(r.Binding)
			}
			return ""
		default:
			return ""
		}
	}
}

// sharedName is what the author calls it. The bundler writes `var A = class _A { … }` where a class says its own name.
func (c *context) sharedName(b *scope.Binding) string {
	name := shown(b)
	if outer, ok := strings.CutPrefix(name, "_"); ok && b.Kind == scope.ClassName && c.info.Module.Scope.Lookup(outer) != nil {
		return outer
	}
	return name
}

func (c *context) isShared(b *scope.Binding) bool {
	isClass := b.Kind == scope.ClassName && b.Scope.Parent == c.info.Module.Scope
	if !isClass && (!b.InModule() || b.InModuleEnv()) {
		return false
	}
	declared := c.fileOf(b)
	return declared != "" && !strings.Contains("/"+declared, "/node_modules/")
}

// sharedPlace is a property of a shared variable as the target of an assignment.
func sharedPlace(b syntax.Builder, object, key ast.Expression, root string) ast.Expression {
	return b.Dot(b.CallNamed("%sharedPlace", object, key, b.String(root)), "v")
}

// propertyParts rewrites a property's object and key.
func (c *context) propertyParts(property ast.Expression) (object, key ast.Expression) {
	switch n := property.(type) {
	case *ast.DotExpression:
		return c.expression(n.Left), c.b(n).RawString(n.Identifier.Name)
	case *ast.BracketExpression:
		return c.expression(n.Left), c.expression(n.Member)
	}
	panic("lower: no property")
}

// changingMethods are those of arrays that change them.
var changingMethods = map[string]bool{"push": true, "pop": true, "shift": true, "unshift": true, "splice": true,
	"sort": true, "reverse": true, "fill": true, "copyWithin": true}

// changedRoot is the variable that a called method changes if it is an array's; else "".
func (c *context) changedRoot(callee ast.Expression) string {
	if n, ok := callee.(*ast.DotExpression); ok && changingMethods[n.Identifier.Name.String()] {
		return c.sharedRoot(n)
	}
	return ""
}
