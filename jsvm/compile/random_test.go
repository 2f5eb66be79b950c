package compile_test

import (
	"flag"
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

var randomPrograms = flag.Int("random-programs", 150, "how many random programs to compare")

// Random programs run alike plain and rewritten. A failing seed prints its
// program; it is then worth a fixture.
func TestRandomProgramsRunAlike(t *testing.T) {
	for seed := range int64(*randomPrograms) {
		source := randomProgram(seed)
		plain := runPlain(t, source)
		if strings.Contains(plain.end, "Compiler bug") || strings.Contains(plain.end, "panic") {
			continue // a fault of goja's own
		}
		if difference := firstDifference(plain, runRewritten(t, source)); difference != "" {
			t.Fatalf("seed %d: %s\n%s", seed, difference, source)
		}
	}
}

// randomProgram writes a program that ends: loops count, and calls go to
// functions written before. The same seed writes the same program.
func randomProgram(seed int64) string {
	g := &generator{r: rand.New(rand.NewSource(seed))}
	g.line("const id = async (x) => { await null; return x; };")
	g.line("const fail = async (x) => { await null; throw new Error('f' + x); };")
	g.line("const show = (x) => (log(x), x);")
	// What is kept in variables stays small: doubling it in a loop would never end.
	g.line("const cut = (v) => (typeof v === 'object' || String(v).length > 20 ? 0 : v);")
	g.line("let steps = 0; const tick = () => { if (++steps > 60) throw new RangeError('steps'); };")
	for i := range 3 {
		g.function(fmt.Sprintf("f%d", i))
	}
	g.line("async function main() {")
	g.line("for (const f of [%s]) { try { log(await f(1, [2])); } catch (e) { log('!', e.message); } }", strings.Join(g.functions, ", "))
	g.line("return steps; }")
	return g.out.String()
}

type generator struct {
	r         *rand.Rand
	out       strings.Builder
	functions []string
	variables []string // assignable, in scope
	names     int
	labels    []string
	loops     int // depth of loops that break and continue without a label may leave
	depth     int
	blocks    []map[string]bool
}

func (g *generator) line(format string, a ...any) { fmt.Fprintf(&g.out, format+"\n", a...) }

func (g *generator) pick(choices ...string) string { return choices[g.r.Intn(len(choices))] }

func (g *generator) fresh() string {
	g.names++
	// Few names, so that they shadow each other.
	return fmt.Sprintf("v%d", g.names%7)
}

func (g *generator) variable() string {
	if len(g.variables) == 0 {
		return "steps"
	}
	return g.variables[g.r.Intn(len(g.variables))]
}

func (g *generator) function(name string) {
	params := g.pick("a, b", "a, b = a", "a, { c = 1, ...d } = {}", "a, [b = a] = [], ...e", "a")
	if g.r.Intn(4) == 0 {
		g.line("const %s = async (%s) => {", name, params)
	} else {
		g.line("async function %s(%s) {", name, params)
	}
	g.variables = []string{"a"}
	g.block(6)
	g.line("return %s; }", g.expression(2))
	g.functions = append(g.functions, name)
}

// block writes statements with a scope of their own.
func (g *generator) block(n int) {
	outer := len(g.variables)
	g.depth++
	g.blocks = append(g.blocks, map[string]bool{"a": g.depth == 1, "b": g.depth == 1})
	for range 1 + g.r.Intn(n) {
		g.statement()
	}
	g.depth--
	g.blocks = g.blocks[:len(g.blocks)-1]
	g.variables = g.variables[:outer]
}

func (g *generator) declare(name string) {
	g.variables = append(g.variables, name)
}

func (g *generator) statement() {
	if g.depth > 5 {
		g.line("log(%s);", g.expression(1))
		return
	}
	switch g.r.Intn(16) {
	case 0:
		name := g.unused()
		g.line("let %s = cut(%s);", name, g.expression(2))
		g.declare(name)
	case 1:
		// goja itself reads x after its right side in x += y, if y assigns to x.
		if g.r.Intn(2) == 0 {
			g.line("%s = cut(%s);", g.variable(), g.expression(2))
		} else {
			g.line("%s %s cut(%s);", g.variable(), g.pick("+=", "??=", "||=", "&&=", "-="), g.pick("1", "await id(2)", "'q'", "show(3)"))
		}
	case 2:
		g.line("if (%s) {", g.expression(2))
		g.block(3)
		if g.r.Intn(2) == 0 {
			g.line("} else {")
			g.block(3)
		}
		g.line("}")
	case 3, 4:
		g.loop()
	case 5, 6:
		g.try()
	case 7:
		g.switchStatement()
	case 8:
		g.jump()
	case 9:
		g.closure()
	case 10:
		a, b := g.unused(), ""
		g.declare(a)
		b = g.unused()
		g.line("let %s = 1, { x: %s = %s, ...%sr } = { x: %s, y: %s };", a, b, g.pick("2", "await id(4)", "show(5)"), b, g.pick("undefined", "1", "cut("+g.expression(1)+")"), g.expression(1))
		g.variables[len(g.variables)-1] = a
	case 11:
		g.line("[%s, %s = cut(%s)] = [%s, %s].map(cut);", g.variable(), g.variable(), g.expression(1), g.expression(1), g.pick("undefined", g.expression(1)))
	case 12:
		g.line("{")
		g.block(3)
		g.line("}")
	case 13:
		g.generator()
	default:
		g.line("log(%s);", g.expression(3))
	}
}

// unused is a name that the current block has not declared: it may hide an outer
// one, redeclaring is an error.
func (g *generator) unused() string {
	here := g.blocks[len(g.blocks)-1]
	for {
		name := g.fresh()
		if here[name] {
			g.names += 1 + g.r.Intn(3)
			if len(here) > 5 {
				name = fmt.Sprintf("w%d", g.names)
			} else {
				continue
			}
		}
		here[name] = true
		return name
	}
}

func (g *generator) loop() {
	label := ""
	if g.r.Intn(3) == 0 {
		g.names++
		label = fmt.Sprintf("l%d", g.names)
		g.out.WriteString(label + ": ")
		g.labels = append(g.labels, label)
	}
	g.loops++
	name := g.unused()
	outer := len(g.variables)
	switch g.r.Intn(5) {
	case 0:
		g.line("for (let %s = 0; %s < %s; %s++) { tick();", name, name, g.pick("3", "await id(2)"), name)
		g.declare(name)
	case 1:
		g.line("for (let %s of %s) { tick();", name, g.pick("[1, 2, 3]", "new Set([4, 5])", "await id([6, 7])", "'xy'"))
	case 2:
		g.line("for (const %s in %s) { tick();", name, g.pick("{ p: 1, q: 2 }", "await id({ r: 1 })"))
	case 3:
		g.line("for (let [%s, %sz] = [0, 1]; %s < 2; %s++) { tick();", name, name, name, name)
		g.declare(name)
	case 4:
		g.line("for (let { k: %s = %s } of [{}, { k: 5 }]) { tick();", name, g.expression(1))
	}
	g.block(4)
	g.line("}")
	g.variables = g.variables[:outer]
	g.loops--
	if label != "" {
		g.labels = g.labels[:len(g.labels)-1]
	}
}

func (g *generator) try() {
	// goja's own try runs a finally block twice if it throws and there is a catch;
	// so the two are never in one statement.
	finally := g.r.Intn(2) == 0
	g.line("try {")
	g.block(3)
	if g.r.Intn(3) == 0 {
		g.line("throw new Error(%s);", g.expression(1))
	}
	if finally {
		g.line("} finally { log('finally');")
	} else {
		g.line("} catch (%s) { log('caught', e?.message);", "e")
	}
	g.block(3)
	g.line("}")
}

func (g *generator) switchStatement() {
	g.line("switch (%s) {", g.expression(1))
	g.loops++ // a break leaves it; a continue might not be allowed
	loops := g.loops
	g.loops = -g.loops
	for i := range 3 {
		g.line("%s {", g.pick(fmt.Sprintf("case %d:", i), fmt.Sprintf("case await id(%d):", i)))
		g.block(2)
		g.line("%s }", g.pick("break;", ""))
	}
	g.line("default: log('default'); }")
	g.loops = loops - 1
}

func (g *generator) jump() {
	switch {
	case len(g.labels) > 0 && g.r.Intn(2) == 0:
		g.line("if (%s) %s %s;", g.expression(1), g.pick("break", "continue"), g.labels[g.r.Intn(len(g.labels))])
	case g.loops > 0:
		g.line("if (%s) %s;", g.expression(1), g.pick("break", "continue"))
	case g.loops < 0:
		g.line("if (%s) break;", g.expression(1))
	case g.r.Intn(3) == 0:
		g.line("if (%s) return %s;", g.expression(1), g.expression(1))
	}
}

func (g *generator) closure() {
	name := g.unused()
	v := g.variable()
	body := g.pick(
		fmt.Sprintf("() => %s", v),
		fmt.Sprintf("() => { %s = cut(%s + 1); return %s; }", v, v, v),
		fmt.Sprintf("async () => { const q = %s; await null; return [q, %s]; }", v, v),
		fmt.Sprintf("function (x) { return [this === undefined, %s, arguments.length]; }", v),
	)
	g.line("const %s = %s; log(await %s(), %s);", name, body, name, v)
}

func (g *generator) generator() {
	v := g.variable()
	name := g.unused()
	g.line("let %s = (function* () { let n = 0; try { while (n < 3) { const s = yield [n++, %s]; if (s) log('sent', s); } return 'end'; } finally { log('closed'); } })();", name, v)
	g.line("log(%s.next(), %s.next(%s)); %s; log(%s.%s);", name, name, g.expression(1), g.pick("await null", ""), name, g.pick("next()", "return(5)"))
}

func (g *generator) expression(depth int) string {
	if depth <= 0 {
		return g.pick(g.variable(), g.variable(), "1", "2", "'s'", "null", "undefined", "true")
	}
	sub := func() string { return g.expression(depth - 1) }
	switch g.r.Intn(14) {
	case 0:
		return fmt.Sprintf("(await id(%s))", sub())
	case 1:
		return fmt.Sprintf("(%s %s %s)", sub(), g.pick("+", "-", "===", "<"), sub())
	case 2:
		return fmt.Sprintf("(%s %s %s)", sub(), g.pick("&&", "||"), sub())
	case 3:
		return fmt.Sprintf("(%s ? %s : %s)", sub(), sub(), sub())
	case 4:
		return fmt.Sprintf("[%s, %s, ...[%s]]", sub(), sub(), sub())
	case 5:
		return fmt.Sprintf("({ a: %s, [`k${%s}`]: %s, ...{ z: %s } })", sub(), g.pick("1", "await id(2)"), sub(), sub())
	case 6:
		return fmt.Sprintf("show(%s)", sub())
	case 7:
		return fmt.Sprintf("`${%s}-${typeof %s}`", g.pick("1", "await id(3)", "'t'"), sub())
	case 8:
		return fmt.Sprintf("(%s ?? %s)", sub(), sub())
	case 9:
		return fmt.Sprintf("(%s = cut(%s))", g.variable(), sub())
	case 10:
		return fmt.Sprintf("((x) => [x, %s])(%s)", g.variable(), sub())
	case 11:
		return fmt.Sprintf("(%s)?.length", sub())
	case 12:
		return fmt.Sprintf("(await (async (x, y = x) => { await null; return [x, y, %s]; })(%s))", g.variable(), sub())
	default:
		return sub()
	}
}
