package randomprogram

// modern writes a statement of what goja itself lacks or has wrong, or of what has been got wrong here before: async generators, private names, classes that
// change, prototypes of generators, arrow functions that call super, dead zones of parameters, weak keys, iterators that are held.
func (g *generator) modern() {
	v := g.variable()
	switch g.r.Intn(16) {
	case 0:
		g.asyncGenerator(v)
	case 1:
		g.privateClass(v)
	case 2:
		name := g.unused()
		g.line("{ let %s = function* (x) { yield [x, cut(%s)]; yield* [this === undefined, 2]; }; %s.prototype.extra = () => cut(%s); const it = %s(1), again = %s(2);", name, v, name, v, name, name)
		g.line("log(it instanceof %s, it.extra(), it.next()); %s; log(it instanceof %s, Object.getPrototypeOf(again) === %s.prototype, again.extra(), [...it, ...again], Object.keys(%s.prototype)); }", name, g.pause(), name, name, name)
	case 3:
		g.line("{ const D = class extends Base { f = cut(%s); constructor(x) { const init = (y = x) => super(y); if (x) init(); else super(0); this.late = () => { try { return init(2); } catch (e) { return why(e); } }; } };", v)
		g.line("const d = new D(%s); %s; log(d.n, d.f, d.late(), d instanceof Base); %s; log(new D(1).n); }", g.pick("0", "1"), g.pause(), g.pause())
	case 4:
		g.line("{ const weak = new WeakMap(), held = new WeakSet(), key = %s; weak.set(key, cut(%s)); held.add(key); %s; log(weak.get(key), held.has(key), weak.has({})); }",
			g.pick("{}", "[1]", "() => steps", "function () {}", "new Map()", "class {}", "new Uint8Array(1)"), v, g.pause())
	case 5:
		g.line("{ const it = %s; log(it.next().value); %s; log([...it]); %s; log(it.next()); }",
			g.pick("new Map([[1, 2], [3, 4]]).entries()", "new Set([1, 2, 3]).values()", "[4, 5, 6].entries()", "'x\u00e9y'[Symbol.iterator]()", "'a1b2'.matchAll(/[a-z]/g)", "[1, , 2].keys()"), g.pause(), g.pause())
	case 6:
		g.line("o.z = 1; log(delete o?.[%s], delete o.none?.[%s].x, 'z' in o, delete o.q?.r); o.q.r = 2;", g.wait("'z'"), g.wait("'q'"))
	case 7:
		g.line("o.n1 %s %s; o.q.r %s cut(%s); ({ a: o.deep = %s, ['b']: o[%s] } = { b: cut(%s) }); log(o.n1, o.deep, o.key);",
			g.pick("??=", "||=", "&&="), g.wait("1"), g.pick("??=", "||=", "&&=", "+="), g.expression(1), g.wait("4"), g.wait("'key'"), v)
	case 8:
		g.line("try { throw { a: cut(%s), list: [2, 3] }; } catch ({ a, list: [b, ...c], d = %s, e = () => [a, cut(%s)] }) { log(a, b, c, d, e()); fs.push(() => (a = cut(a + 1), e()));", v, g.wait("5"), v)
		g.block(2)
		g.line("}")
	case 9:
		g.line("log(((a, b = () => [a, c, cut(%s)], c = 3) => { a = 9; return b(); })(1)); try { log(((a = () => b, c = a(), b = 1) => c)(%s)); } catch (e) { log(why(e)); }", v, g.pick("", "undefined, 2", "() => 4"))
	case 10:
		g.line("{ const P = class { m() { return cut(%s); } static s() { return 1; } }, Q = class extends P {}; P.prototype.added = cut(%s); P.prototype.m.tag = 1; P.s.tag = 2; %s", v, v,
			g.pick("", "Object.setPrototypeOf(Q.prototype, { other: 3 }); ", "delete P.prototype.m; ", "Object.freeze(P.prototype); "))
		g.line("%s; log(P.prototype.added, Q.prototype.added, Q.prototype.other, typeof P.prototype.m, P.prototype.m?.tag, P.s.tag, Object.keys(P.prototype), Object.isFrozen(P.prototype)); }", g.pause())
	case 11:
		g.line("for (let i = 0, f = () => i, up = () => i++; i < 3; up(), i++) { tick(); fs.push(() => [i, f(), up()]); %s; log(i, f()); }", g.pause())
	case 12:
		g.line("{ const s = Symbol('s'), ob = { [s]: cut(%s), get [%s]() { return this[s]; }, set acc(x) { this[s] = cut(x); }, ['f' + 1]: () => 1 }; %s; ob.acc = cut(%s); log(ob.acc, ob.f1.name, Object.getOwnPropertySymbols(ob).length); }",
			v, g.wait("'acc'"), g.pause(), v)
	case 13:
		g.line("{ const itr = { i: 0, [Symbol.iterator]() { return this; }, next() { return { value: this.i++, done: this.i > 4 }; }, return() { log('returned'); return {}; } };")
		g.line("for (const x of itr) { tick(); %s; fs.push(() => x); if (%s) break; log(x); } const [p = %s, , ...q] = itr; log(p, q, itr.i); }", g.pause(), g.expression(1), g.wait("'none'"))
	case 14:
		n := g.unused()
		g.line("let %s = 0; do { tick();", n)
		g.loops++
		g.block(3)
		g.loops--
		g.line("} while (%s++ < 2 && %s);", n, g.wait("true"))
	case 15:
		g.line("try { switch (cut(%s)) { case 0: let q = 1; fs.push(() => q); case %s: q = cut(%s); log(q); break; case 2: { %s; fs.push(() => typeof q); } default: log(q); } } catch (e) { log(why(e)); }",
			g.pick(v, "0", "1"), g.wait("1"), v, g.pause())
	}
}

// asyncGenerator is one that is walked, left early, or driven by hand.
func (g *generator) asyncGenerator(v string) {
	if g.mode != inAsync {
		g.line("log(Object.prototype.toString.call((async function* () {})()).length > 0);")
		return
	}
	name := g.unused()
	g.line("let %s = async function* (x, n = 3) { try { for (let i = 0; i < n; i++) { const got = yield [i, x, cut(%s)]; if (got) log('async got', got); %s } return 'end'; } catch (e) { log('async caught', why(e)); yield 'after'; } finally { log('async closed'); %s } };",
		name, v, g.pick("await null;", v+" = cut(i);", "yield* [i];"), g.pick("", "await null;"))
	if g.r.Intn(2) == 0 {
		g.line("for await (const y of %s) { tick(); log(y); fs.push(() => y);", g.pick(name+"(1)", name+"(2, 2)", "[id(1), 2, "+name+"]", "new Set([1, id(2)])"))
		g.loops++
		g.block(3)
		g.loops--
		g.line("}")
		return
	}
	g.line("{ const it = %s(1);", name)
	for range 2 + g.r.Intn(3) {
		g.line("try { log(await it.%s); } catch (e) { log('async out', why(e)); }", g.pick("next()", "next('g')", "return(3)", "throw('t')", "throw(new Error('t'))"))
	}
	g.line("}")
}

func (g *generator) privateClass(v string) {
	g.line("{ class K extends %s { #n = cut(%s); static #made = 0; #bump(x) { return (this.#n = cut(this.#n + x)); } get #twice() { return cut(this.#n + this.#n); } set #twice(x) { this.#n = cut(x); } static { this.ready = cut(%s); }", g.pick("Base", "Object"), v, v)
	g.line("constructor() { super(1); K.#made++; this.see = () => this.#n; } async up(x) { await null; this.#bump(x); const r = [this.#n, this.#twice, #n in this, #n in {}]; await null; this.#twice = 5; this.#n++; return [r, this.#n]; } static count() { return K.#made; } *all() { yield this.#n; yield* [this.#bump(1)]; } }")
	g.line("const k = new K(), l = new K(); %s; try { log([...k.all()], k.see(), l.see(), K.count(), K.ready); } catch (e) { log(why(e)); }", g.pause())
	if g.mode == inAsync {
		g.line("log(await k.up(1), await attempt(() => K.prototype.up.call({}, 1)), k.see());")
	}
	g.line("}")
}
