package lower

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/scope"
)

// Kinds of part that %object adds to an object after its plain properties; part
// of the kernel's interface.
const (
	partValue  = 0
	partGet    = 1
	partSet    = 2
	partSpread = 3
	partProto  = 4
)

// object rewrites an object literal. Methods are made by factories like any
// function, and so are accessors, which a literal can't take as a value; from
// the first accessor on, the kernel adds the properties:
//
//	{a, get b() {}, c: 1}   becomes   %object({a: a}, 1, "b", %F3(), 0, "c", 1)
//
// It also marks the object as one whose property descriptors the codec must
// read. Where a method uses super, the literal has an environment with itself as
// the home object:
//
//	{m() { super.m() }}   becomes   (%e_home = {"%home": void 0},
//	                                 %e_home["%home"] = {m: %F4(%e_home)})
//
// values, if not nil, are the operands of objectOperands, evaluated before.
func (c *context) object(n *ast.ObjectLiteral, values []ast.Expression) ast.Expression {
	b := c.b(n)
	next := func(e ast.Expression) ast.Expression {
		if values == nil {
			return c.expression(e)
		}
		v := values[0]
		values = values[1:]
		return v
	}
	home := c.info.Scopes[n]
	var homeEnv ast.Expression
	if home != nil && home.HasEnv() {
		c.nameHome(home)
		homeEnv = c.envObject(home, nil)
	}
	plain := &ast.ObjectLiteral{LeftBrace: n.LeftBrace, RightBrace: n.RightBrace}
	var parts []ast.Expression
	part := func(kind int, key, value ast.Expression) {
		parts = append(parts, b.Number(kind), key, value)
	}
	accessors := false
	for _, property := range n.Value {
		switch p := property.(type) {
		case *ast.SpreadElement:
			value := next(p)
			if spread, ok := value.(*ast.SpreadElement); ok {
				value = spread.Expression
			}
			if accessors {
				part(partSpread, b.Undefined(), value)
			} else {
				plain.Value = append(plain.Value, &ast.SpreadElement{Expression: value})
			}
		case *ast.PropertyShort:
			key, value := b.RawString(p.Name.Name), next(&p.Name)
			if accessors {
				part(partValue, key, value)
			} else {
				plain.Value = append(plain.Value, &ast.PropertyKeyed{Key: key, Kind: ast.PropertyKindValue, Value: value, Computed: p.Name.Name == "__proto__"})
			}
		case *ast.PropertyKeyed:
			key := p.Key
			if p.Computed {
				key = next(p.Key)
			} else if id, ok := key.(*ast.Identifier); ok {
				key = b.RawString(id.Name)
			}
			literal, isFunction := p.Value.(*ast.FunctionLiteral)
			var value ast.Expression
			if isFunction && p.Kind != ast.PropertyKindValue {
				value = c.makeFunction(literal)
			} else {
				value = next(p.Value)
			}
			if p.Computed && nameless(p) {
				name := c.temp()
				key = b.Assign(b.ID(name), b.CallNamed("%toKey", key))
				value = b.CallNamed("%named", value, b.ID(name), b.String(prefix(p)))
			}
			accessor := p.Kind == ast.PropertyKindGet || p.Kind == ast.PropertyKindSet
			accessors = accessors || accessor
			switch {
			case !accessors:
				plain.Value = append(plain.Value, &ast.PropertyKeyed{Key: key, Kind: ast.PropertyKindValue, Value: value, Computed: p.Computed})
			case p.Kind == ast.PropertyKindGet:
				part(partGet, key, value)
			case p.Kind == ast.PropertyKindSet:
				part(partSet, key, value)
			case isProto(p):
				part(partProto, key, value)
			default:
				part(partValue, key, value)
			}
		}
	}
	if homeEnv != nil {
		// The environment must exist before the methods are made, the object
		// after them; accessors join an object that is home already.
		env := c.envNames[home]
		object := b.Assign(b.Dot(b.ID(env), scope.HomeName), plain)
		if accessors {
			object = b.CallNamed("%object", append([]ast.Expression{object}, parts...)...)
		}
		return b.Sequence(b.Assign(b.ID(env), homeEnv), object)
	}
	if accessors {
		return b.CallNamed("%object", append([]ast.Expression{plain}, parts...)...)
	}
	return plain
}

// nameless: a function that takes its name from the property's key.
func nameless(p *ast.PropertyKeyed) bool {
	switch f := p.Value.(type) {
	case *ast.FunctionLiteral:
		return f.Name == nil
	case *ast.ArrowFunctionLiteral:
		return true
	case *ast.ClassLiteral:
		return f.Name == nil
	}
	return false
}

func prefix(p *ast.PropertyKeyed) string {
	if p.Kind == ast.PropertyKindGet || p.Kind == ast.PropertyKindSet {
		return string(p.Kind)
	}
	return ""
}

func isProto(p *ast.PropertyKeyed) bool {
	key, ok := p.Key.(*ast.StringLiteral)
	return ok && !p.Computed && p.Kind == ast.PropertyKindValue && key.Value == "__proto__"
}

// nameHome gives the environment of an object literal a variable.
func (c *context) nameHome(s *scope.Scope) {
	name := c.unique("%e_home")
	c.envNames[s] = name
	if c.m != nil {
		c.m.f.Slots = append(c.m.f.Slots, name)
	} else {
		c.temps = append(c.temps, name)
	}
	c.result.Functions[c.fn.ID].Envs = append(c.result.Functions[c.fn.ID].Envs,
		Env{Name: name, Fields: []string{scope.HomeName}, Parent: c.hasOuterEnv(s)})
}

// objectOperands are the expressions of an object literal that run code, in
// order of evaluation: computed keys, values, spreads. Methods are left out.
func objectOperands(n *ast.ObjectLiteral) []ast.Expression {
	var list []ast.Expression
	for _, property := range n.Value {
		switch p := property.(type) {
		case *ast.SpreadElement:
			list = append(list, p)
		case *ast.PropertyShort:
			list = append(list, &p.Name)
		case *ast.PropertyKeyed:
			if p.Computed {
				list = append(list, p.Key)
			}
			if _, ok := p.Value.(*ast.FunctionLiteral); !ok || p.Kind == ast.PropertyKindValue {
				list = append(list, p.Value)
			}
		}
	}
	return list
}
