package randomprogram

import (
	"fmt"
	"math/rand"
	"strings"
)

// Options say what a program may contain.
type Options struct {
	// Everything: constructs too in which goja's own async functions, generators and try statements have faults.
	Everything bool
	// Modern, with Everything: what came later, see modern.go. Without it, the programs of a seed stay what they were.
	Modern bool
}

// New writes a program that ends: loops count, and calls go to functions written before. It defines main, an async
// function, and logs by log(…). The same seed and options write the same program.
func New(seed int64, o Options) string {
	g := &generator{r: rand.New(rand.NewSource(seed)), everything: o.Everything, modernToo: o.Everything && o.Modern}
	g.line("const id = async (x) => { await null; return x; };")
	g.line("const same = (x) => x;")
	// The engines word their own errors differently.
	g.line("const why = (e) => (e instanceof Error ? (e.constructor === Error ? e.message : e.name) : cut(e));")
	g.line("const fail = async (x) => { await null; throw new Error('f' + x); };")
	g.line("const show = (x) => (log(x), x);")
	// What is kept in variables stays small: doubling it in a loop would never end.
	g.line("const cut = (v) => (typeof v === 'object' || String(v).length > 20 ? 0 : v);")
	if g.everything {
		g.helpers()
	}
	g.line("let steps = 0; const tick = () => { if (++steps > 60) throw new RangeError('steps'); };")
	for i := range 3 {
		g.function(fmt.Sprintf("f%d", i))
	}
	g.line("async function main() {")
	g.line("for (const f of [%s]) { try { log(await f(1, [2])); } catch (e) { log('!', why(e)); } }", strings.Join(g.functions, ", "))
	g.line("return steps; }")
	return g.out.String()
}

type generator struct {
	everything bool
	modernToo  bool
	mode       mode // of the function that is being written
	r          *rand.Rand
	out        strings.Builder
	functions  []string
	variables  []string // assignable, in scope
	names      int
	labels     []string
	loops      int // depth of loops that break and continue without a label may leave
	depth      int
	blocks     []map[string]bool
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
	if g.everything {
		g.locals()
	}
	g.block(6)
	if g.everything {
		g.line("log(o, fs.map((f) => cut(f(1))), o);")
	}
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
	if g.modernToo && g.r.Intn(4) == 0 {
		g.modern()
		return
	}
	if g.everything && g.r.Intn(3) == 0 {
		g.wild()
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
			g.line("%s %s cut(%s);", g.variable(), g.pick("+=", "??=", "||=", "&&=", "-="), g.pick("1", g.wait("2"), "'q'", "show(3)"))
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
		g.line("let %s = 1, { x: %s = %s, ...%sr } = { x: %s, y: %s };", a, b, g.pick("2", g.wait("4"), "show(5)"), b, g.pick("undefined", "1", "cut("+g.expression(1)+")"), g.expression(1))
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
