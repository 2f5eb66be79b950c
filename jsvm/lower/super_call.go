package lower

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/scope"
)

// madeName is, in the factory of a class, the class.
const madeName = "%c"

// superCall is `super(…)`, its arguments lowered. Code of the constructor itself says it; an arrow, which a factory makes, calls a function
// that the constructor has made for it:
//
//	constructor() { (() => super(1))() }
//
//	becomes   constructor() {
//	            const %e_superCall = {"%superCall": void 0, "%this": %TDZ};
//	            %e_superCall["%superCall"] = %superCaller((...%a) => super(...%a), %c, new.target, %e_superCall);
//	            %F7(%e_superCall)()
//	          }
//	          function %F7(%e) { return () => %e["%this"] = (0, %e["%superCall"])(1) }
//
// %c is the class, a variable of its factory: its environment may be that of a continuation of a build that knew nothing of this.
//
// What arrows see as `this` is set by either (ECMAScript 13.3.7.1).
func (c *context) superCall(n *ast.CallExpression) ast.Expression {
	b := c.b(n)
	owner := c.fn.ThisOwner()
	if c.fn != owner {
		n.Callee = b.Sequence(b.Number(0), b.Dot(c.env(b, c.scope, owner.Scope), scope.SuperCallName))
	}
	if this := owner.Scope.Lookup(scope.ThisName); this != nil && this.InEnv() {
		return b.Assign(b.Dot(c.env(b, c.scope, owner.Scope), scope.ThisName), n)
	}
	return n
}

// makeSuperCall puts the function for arrows into the constructor's environment, which it needs itself when it has been restored: the arrow
// that says super natively cannot be kept.
func (c *context) makeSuperCall() ast.Statement {
	b := c.b(c.fn.Node)
	call := &ast.CallExpression{Callee: &ast.SuperExpression{Idx: b.At}, ArgumentList: []ast.Expression{&ast.SpreadElement{Expression: b.ID("%a")}},
		LeftParenthesis: b.At, RightParenthesis: b.At}
	params := b.Params()
	params.Rest = b.ID("%a")
	env := b.ID(c.envNames[c.fn.Scope])
	newTarget := &ast.MetaProperty{Idx: b.At, Meta: b.ID("new"), Property: b.ID("target")}
	made := b.CallNamed("%superCaller", b.Arrow(params, b.Return(call)), b.ID(madeName), newTarget, env)
	return b.Do(b.Assign(b.Dot(b.ID(c.envNames[c.fn.Scope]), scope.SuperCallName), made))
}
