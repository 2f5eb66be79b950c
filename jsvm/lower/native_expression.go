package lower

import (
	"fmt"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/syntax"
)

// expression rewrites an expression that has no suspension of this function in
// it. The result replaces e, whose nodes are used up.
func (c *context) expression(e ast.Expression) ast.Expression {
	switch n := e.(type) {
	case *ast.Identifier:
		return c.read(n)
	case *ast.ThisExpression:
		return c.this(n)
	case *ast.MetaProperty:
		return c.newTarget(n)
	case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
		return c.makeFunction(e)
	case *ast.ClassLiteral:
		return c.makeClass(n, c.expressions(classOperands(n)))
	case *ast.ObjectLiteral:
		return c.object(n, nil)
	case *ast.AssignExpression:
		return c.assignment(n)
	case *ast.CallExpression:
		return c.call(n)
	case *ast.DotExpression, *ast.BracketExpression:
		return c.member(n)
	case *ast.UnaryExpression:
		return c.unary(n)
	case *ast.TemplateLiteral:
		if n.Tag != nil {
			return c.tagged(n)
		}
		n.Expressions = c.expressions(n.Expressions)
		return n
	case *ast.ArrayLiteral:
		n.Value = c.expressions(n.Value)
		return n
	case *ast.SpreadElement:
		n.Expression = c.expression(n.Expression)
		return n
	case *ast.BinaryExpression:
		n.Left, n.Right = c.expression(n.Left), c.expression(n.Right)
		if isShift(n.Operator) || n.Operator == token.EXPONENT {
			return c.binary(c.b(n), n.Operator, n.Left, n.Right)
		}
		return n
	case *ast.ConditionalExpression:
		n.Test, n.Consequent, n.Alternate = c.expression(n.Test), c.expression(n.Consequent), c.expression(n.Alternate)
		return n
	case *ast.SequenceExpression:
		n.Sequence = c.expressions(n.Sequence)
		return n
	case *ast.NewExpression:
		global := c.checkedGlobal(n.Callee)
		n.Callee = c.expression(n.Callee)
		n.ArgumentList = c.expressions(n.ArgumentList)
		n.ArgumentList = checkedArguments(c.b(n), global, n.ArgumentList)
		return n
	case *ast.OptionalChain:
		n.Expression = c.expression(n.Expression)
		return n
	case *ast.Optional:
		n.Expression = c.expression(n.Expression)
		return n
	case *ast.StringLiteral, *ast.NumberLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.RegExpLiteral, *ast.SuperExpression:
		return e
	case *ast.PrivateDotExpression, *ast.PrivateIdentifier:
		refuse(e, "private names are not lowered in this position", "let the bundler lower #names")
	}
	panic(fmt.Sprintf("lower: expression %T", e))
}

func (c *context) expressions(list []ast.Expression) []ast.Expression {
	for i, e := range list {
		list[i] = c.optional(e)
	}
	return list
}

// optional rewrites an expression that may be missing: a hole, no initialiser.
func (c *context) optional(e ast.Expression) ast.Expression {
	if syntax.IsNil(e) {
		return nil
	}
	return c.expression(e)
}

func (c *context) member(e ast.Expression) ast.Expression {
	if key, ok := c.superKey(e); ok {
		return c.superGet(e, c.superKeyValue(e, key))
	}
	switch n := e.(type) {
	case *ast.DotExpression:
		n.Left = c.expression(n.Left)
	case *ast.BracketExpression:
		n.Left, n.Member = c.expression(n.Left), c.expression(n.Member)
	}
	return e
}

// superKeyValue rewrites the key of `super[key]`; that of `super.name` is a
// literal already.
func (c *context) superKeyValue(e, key ast.Expression) ast.Expression {
	if _, ok := e.(*ast.BracketExpression); ok {
		return c.expression(key)
	}
	return key
}

func (c *context) call(n *ast.CallExpression) ast.Expression {
	b := c.b(n)
	if _, ok := n.Callee.(*ast.SuperExpression); ok {
		n.ArgumentList = c.expressions(n.ArgumentList)
		return c.superCall(n)
	}
	if key, ok := c.superKey(n.Callee); ok {
		f := c.superGet(n.Callee, c.superKeyValue(n.Callee, key))
		return b.CallNamed("%call", append([]ast.Expression{f, c.this(n)}, c.expressions(n.ArgumentList)...)...)
	}
	if root := c.changedRoot(n.Callee); root != "" {
		object, key := c.propertyParts(n.Callee)
		n.Callee = c.b(n.Callee).CallNamed("%sharedMethod", object, key, b.String(root))
		n.ArgumentList = c.expressions(n.ArgumentList)
		return n
	}
	if global := c.checkedGlobal(n.Callee); global != "" {
		n.ArgumentList = checkedArguments(b, global, c.expressions(n.ArgumentList))
		return n
	}
	if optional, ok := n.Callee.(*ast.Optional); ok {
		optional.Expression = c.callee(optional.Expression)
	} else {
		n.Callee = c.callee(n.Callee)
	}
	n.ArgumentList = c.expressions(n.ArgumentList)
	return n
}

func (c *context) unary(n *ast.UnaryExpression) ast.Expression {
	if n.Operator != token.INCREMENT && n.Operator != token.DECREMENT {
		if root := c.sharedRoot(n.Operand); root != "" && n.Operator == token.DELETE {
			object, key := c.propertyParts(n.Operand)
			return c.b(n).CallNamed("%deleteShared", object, key, c.b(n).String(root))
		}
		n.Operand = c.expression(n.Operand)
		return n
	}
	b := c.b(n)
	if key, ok := c.superKey(n.Operand); ok {
		// super.x++ is rare enough to be a call: home, key, this, step, postfix.
		k := c.superKeyValue(n.Operand, key)
		return c.superUpdate(n, k)
	}
	id, ok := n.Operand.(*ast.Identifier)
	if !ok {
		n.Operand = c.propertyTarget(n.Operand)
		return n
	}
	r := c.info.Refs[id]
	if r == nil || r.Binding == nil {
		return n
	}
	if r.Dead {
		return c.read(id)
	}
	if c.flat(r.Binding) && r.Binding.Constant() {
		return b.Sequence(c.read(id), b.CallNamed("%constant", b.String(shown(r.Binding))))
	}
	n.Operand = c.place(b, r)
	if r.Check && c.flat(r.Binding) {
		return b.Sequence(c.read(id), n)
	}
	return n
}

// superUpdate is `super.x++` and its kin, on a temporary object that stands for
// the super reference.
//
//	super.x++   becomes   (%t1 = {v: %superGet(home, "x", this)}, %t2 = %t1.v++,
//	                       %superSet(home, "x", %t1.v, this), %t2)
func (c *context) superUpdate(n *ast.UnaryExpression, key ast.Expression) ast.Expression {
	b := c.b(n)
	k, box, result := c.temp(), c.temp(), c.temp()
	update := *n
	update.Operand = b.Dot(b.ID(box), "v")
	return b.Sequence(
		b.Assign(b.ID(k), key),
		b.Assign(b.ID(box), b.Object(b.Property("v", b.CallNamed("%superGet", c.home(n), b.ID(k), c.this(n))))),
		b.Assign(b.ID(result), &update),
		b.CallNamed("%superSet", c.home(n), b.ID(k), b.Dot(b.ID(box), "v"), c.this(n)),
		b.ID(result))
}

// assignment rewrites `left operator= right`.
func (c *context) assignment(n *ast.AssignExpression) ast.Expression {
	b := c.b(n)
	if key, ok := c.superKey(n.Left); ok {
		return c.superAssign(n, c.superKeyValue(n.Left, key), c.expression(n.Right))
	}
	switch left := n.Left.(type) {
	case *ast.Identifier:
		value := c.expression(n.Right)
		switch {
		case n.Operator == token.ASSIGN:
			return c.write(left, value)
		case logical(n.Operator):
			return c.logicalAssign(b, left, n.Operator, value)
		}
		return c.compound(left, n.Operator, value)
	case *ast.ArrayPattern, *ast.ObjectPattern:
		return c.assignPattern(left, c.expression(n.Right))
	}
	n.Left, n.Right = c.propertyTarget(n.Left), c.boundRight(b, n.Operator, c.expression(n.Right))
	return n
}

func logical(operator token.Token) bool {
	return operator == token.LOGICAL_AND || operator == token.LOGICAL_OR || operator == token.COALESCE
}

// logicalAssign is `x ||= value` on a name that may need checks.
func (c *context) logicalAssign(b syntax.Builder, id *ast.Identifier, operator token.Token, value ast.Expression) ast.Expression {
	r := c.info.Refs[id]
	if r != nil && r.Dead {
		return c.read(id)
	}
	if r == nil || r.Binding == nil || !c.flat(r.Binding) || !r.Check && !r.Binding.Constant() {
		var place ast.Expression = id
		if r != nil && r.Binding != nil {
			place = c.place(b, r)
		}
		return &ast.AssignExpression{Operator: operator, Left: place, Right: value}
	}
	return b.Binary(operator, c.read(id), c.write(id, value))
}

// superAssign is `super.x operator= value`.
func (c *context) superAssign(n *ast.AssignExpression, key, value ast.Expression) ast.Expression {
	b := c.b(n)
	if n.Operator == token.ASSIGN {
		return b.CallNamed("%superSet", c.home(n), key, value, c.this(n))
	}
	k := c.temp()
	get := b.CallNamed("%superGet", c.home(n), b.ID(k), c.this(n))
	set := func(v ast.Expression) ast.Expression {
		return b.CallNamed("%superSet", c.home(n), b.ID(k), v, c.this(n))
	}
	assigned := b.Assign(b.ID(k), key)
	if logical(n.Operator) {
		return b.Sequence(assigned, b.Binary(n.Operator, get, set(value)))
	}
	return b.Sequence(assigned, set(c.binary(b, n.Operator, get, value)))
}
