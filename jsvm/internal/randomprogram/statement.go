package randomprogram

import "fmt"

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
		g.line("for (let %s = 0; %s < %s; %s++) { tick();", name, name, g.pick("3", g.wait("2")), name)
		g.declare(name)
	case 1:
		g.line("for (let %s of %s) { tick();", name, g.pick("[1, 2, 3]", "new Set([4, 5])", g.wait("[6, 7]"), "'xy'"))
	case 2:
		g.line("for (let %s in %s) { tick();", name, g.pick("{ p: 1, q: 2 }", g.wait("{ r: 1 }")))
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
		g.line("} catch (%s) { log('caught', why(e));", "e")
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
		g.line("%s {", g.pick(fmt.Sprintf("case %d:", i), fmt.Sprintf("case %s:", g.wait(fmt.Sprint(i)))))
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
	g.line("let %s = %s; log(%s, %s);", name, body, g.called(name+"()"), v)
}

func (g *generator) generator() {
	v := g.variable()
	name := g.unused()
	g.line("let %s = (function* () { let n = 0; try { while (n < 3) { const s = yield [n++, %s]; if (s) log('sent', s); } return 'end'; } finally { log('closed'); } })();", name, v)
	g.line("log(%s.next(), %s.next(%s)); %s; log(%s.%s);", name, name, g.expression(1), g.pick(g.pause(), ""), name, g.pick("next()", "return(5)"))
}
