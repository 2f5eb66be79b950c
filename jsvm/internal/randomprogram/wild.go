package randomprogram

import "fmt"

// helpers are functions that wild statements use.
func (g *generator) helpers() {
	g.line("const attempt = async (f) => { try { return await f(); } catch (e) { return why(e); } };")
	g.line("const tag = (strings, ...values) => [strings.raw.join('|'), values.map(cut)];")
	g.line("class Base { constructor(n) { this.n = n; } async m(x) { await null; return [this.n, x]; } get twice() { return cut(this.n + this.n); } s() { return 's' + this.n; } static async make(n) { await null; return new this(n); } }")
	g.line("function* count(n) { try { for (let i = 0; i < n; i++) { const got = yield i; if (got) log('got', got); } return 'end'; } finally { log('count closed'); } }")
}

// locals are what each function has: an object with accessors, and closures that the end of the function calls.
func (g *generator) locals() {
	g.line("const fs = []; let hidden = 1; const o = { p: 1, q: { r: 2 }, list: [1, 2], get g() { return hidden; }, set g(x) { hidden = cut(x); }, m(x) { return [this === o, cut(x)]; } };")
	g.variables = append(g.variables, "hidden")
}

// inner writes the body of a function inside the current one.
func (g *generator) inner(m mode, n int) {
	outer, labels, loops := g.mode, g.labels, g.loops
	g.mode, g.labels, g.loops = m, nil, 0
	g.block(n)
	g.mode, g.labels, g.loops = outer, labels, loops
}

// later is a value: of a call of a function in another form.
func (g *generator) later() (m mode, head, call string) {
	switch g.r.Intn(3) {
	case 0:
		return inAsync, "async ", g.called("%s(1).catch(why)")
	case 1:
		return inGenerator, "* ", "Array.from(%s(1), cut)"
	}
	return inPlain, "", "%s(1)"
}

func (g *generator) wild() {
	switch g.r.Intn(15) {
	case 0: // assignment targets
		key := g.pick("'p'", "'g'", "'z'", g.wait("'g'"), g.wait("'p'"))
		g.line("o[%s] %s cut(%s);", key, g.pick("=", "+=", "-=", "??=", "||=", "&&="), g.expression(2))
	case 1:
		g.line("fs.push(%s);", g.pick(
			fmt.Sprintf("() => %s", g.variable()),
			fmt.Sprintf("(x) => { %s = cut(x + %s); return %s; }", g.variable(), g.variable(), g.variable())))
	case 2:
		g.line("log(fs.map((f) => cut(f(2))), o.g, o.q.r);")
	case 3:
		g.class()
	case 4: // a function in another form, with a body of its own
		m, head, call := g.later()
		name := g.unused()
		if m == inGenerator {
			g.line("let %s = function* (x, y = x) {", name)
		} else {
			g.line("let %s = %s(x, y = x) => {", name, head)
		}
		g.inner(m, 3)
		g.line("return [x, y, cut(%s)]; };", g.variable())
		g.line("try { log(%s); } catch (e) { log('threw', why(e)); }", fmt.Sprintf(call, name))
	case 5: // a labelled block
		g.names++
		label := fmt.Sprintf("b%d", g.names)
		g.line("%s: { {", label)
		g.block(2)
		g.line("} if (%s) break %s; {", g.expression(1), label)
		g.block(2)
		g.line("} }")
	case 6: // all three parts, and jumps out of them
		g.line("try {")
		g.block(2)
		if g.r.Intn(2) == 0 {
			g.line("throw %s;", g.expression(1))
		}
		g.line("} catch (e) { log('caught', why(e));")
		g.block(2)
		g.line("} finally { log('at last');")
		g.block(2)
		if g.r.Intn(4) == 0 {
			g.jump()
		}
		g.line("}")
	case 7: // suspensions in a head
		name := g.unused()
		g.line("for (let %s = %s; %s < %s; %s += %s) { tick(); fs.push(() => %s);", name, g.wait("0"), name, g.wait("2"), name, g.wait("1"), name)
		g.loops++
		g.block(3)
		g.loops--
		g.line("}")
	case 8: // suspensions in patterns
		a, b := g.unused(), ""
		b = g.unused()
		g.line("let { [%s]: %s = cut(%s), q: { r: %s }, ...rest%s } = o; log(%s, %s, rest%s);",
			g.pick("'p'", g.wait("'none'"), g.wait("'p'")), a, g.expression(2), b, a, a, b, a)
	case 9:
		g.line("[o.p, o[%s] = %s, ...o.list] = [cut(%s), %s, 3, 4];", g.wait("'z'"), g.wait("7"), g.expression(1), g.pick("undefined", "5"))
	case 10:
		v := g.variable()
		g.line("log(tag`a${%s}b${%s}`, o.m(%s), o?.m?.(%s), o.none?.(%s), ...[cut(%s)]);", g.expression(1), g.wait(v), g.wait("1"), g.wait(v), g.wait("2"), v)
	case 11:
		g.held()
	case 12: // a collection that changes
		name := g.unused()
		g.line("for (let [%s, set%s] of new Map([[1, new Set([1])], [2, new Set([2, 3])]])) { tick(); for (const x of set%s) { %s; if (x < 3) set%s.add(x + 2); fs.push(() => [%s, x]); }", name, name, name, g.pause(), name, name)
		g.loops++
		g.block(2)
		g.loops--
		g.line("}")
	case 13:
		if g.mode != inAsync {
			g.line("log(new Base(%s).twice);", g.expression(1))
			return
		}
		v := g.variable()
		g.line("log(await Promise.all([1, 2].map(async (x) => { const before = %s; await null; %s = cut(before + x); return [x, before, await id(%s)]; })));", v, v, v)
	case 14:
		v := g.variable()
		g.line("log((() => { l: for (const x of [1, 2, 3]) { try { for (let y = 0; y < 2; y++) { fs.push(() => x * 10 + y); if (x === 2) continue l; if (cut(%s) === x) break l; } } finally { %s = cut(x); } } return %s; })());", v, v, v)
	}
}

// held is a generator that waits while its user does.
func (g *generator) held() {
	name := g.unused()
	g.line("{ let %s = (function* (p = %s) { try { const r = yield* count(2); yield [r, p]; } catch (e) { yield 'c' + why(e); } finally {", name, g.variable())
	g.inner(inGenerator, 2)
	g.line("} return cut(%s); })();", g.variable())
	for range 2 + g.r.Intn(3) {
		g.line("try { log(%s.%s); } catch (e) { log('out', why(e)); } %s;", name,
			g.pick("next()", "next(1)", "next(2)", "return(3)", "throw('t')", "throw(new Error('t'))"), g.pause())
	}
	g.line("}")
}

func (g *generator) class() {
	name, v := g.unused(), g.variable()
	g.line("let %s = class extends %s {", name, g.pick("Base", "("+g.wait("Base")+")"))
	g.line("f = () => [this.n, cut(%s)]; static t = cut(%s); [%s] = 5;", v, v, g.pick("'k'", g.wait("'k'")))
	g.line("constructor(x) { super(x); fs.push(() => this.n); this.late = () => super.s(); }")
	g.line("async m(y) { const r = await super.m(y); await null; return [r, await (async () => super.s())(), %s]; }", v)
	g.line("get twice() { return [super.twice, %s]; } static async make(x) { const r = await super.make(x); r.made = true; return r; }", v)
	g.line("*[Symbol.iterator]() { yield this.n; yield* [1, 2]; } 7() { return %s; }", v)
	if g.r.Intn(2) == 0 {
		g.line("plain(x) {")
		g.inner(inPlain, 2)
		g.line("return [x, this.n]; }")
	} else {
		g.line("async plain(x) {")
		g.inner(inAsync, 2)
		g.line("return [x, this.n]; }")
	}
	g.line("};")
	item := g.unused()
	g.line("try { let %s = %s; %s;", item, g.pick("new "+name+"(cut("+v+"))", g.called(name+".make(2).catch(why)")), g.pause())
	if g.mode == inAsync {
		g.line("log(%s instanceof %s, %s.f(), %s.late(), await %s.m(3), %s.twice, [...%s], %s[7](), %s.t, Object.keys(%s), await attempt(() => %s.plain(4)));",
			item, name, item, item, item, item, item, item, name, item, item)
	}
	g.line("} catch (e) { log('class', why(e)); }")
}
