package compile_test

import (
	"errors"
	"strings"
	"testing"

	"kont/jsvm/compile"
	"kont/jsvm/printer"
)

func print(p *compile.Program) string { return printer.Print(p.AST) }

// What can't be rewritten is refused at its place, with a way out.
func TestRefusalsNamePlaceAndWayOut(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"with":             {"function f(o) {\n  with (o) { x; }\n}", "in.js:2:3: `with` statements are not supported; name the object"},
		"eval":             {"async function f() { return eval('1'); }", "in.js:1:29: direct `eval` is not supported; "},
		"syntax":           {"let x = ;", "in.js:1:9: "},
		"top-level await":  {"await x;", "in.js:1:"},
		"async generator":  {"async function* g() {}", "in.js:1:1: "},
		"private":          {"class A { #x = 1 }", "in.js:1:11: private names"},
		"chain":            {"f(a < (`x` + b) < d)", "in.js:1:8: comparisons in a row"},
		"body hides":       {"var x; function f(g = () => x) { var x; }", "in.js:1:29: a default value refers to `x`"},
		"body declares":    {"var x; function f(a = x) { var x; }", "in.js:1:23: a default value refers to `x`"},
		"parameter again":  {"async (x, g = () => x) => { var x; }", "in.js:1:21: a default value refers to `x`"},
		"class in its key": {"x = class C { [(() => C)()]() {} }", "in.js:1:23: `C` is used by a function in the heritage or a computed key"},
		"yield in import":  {"function* f(x) { return Promise.resolve().then(() => require(yield x)); }", "in.js:1:62: `yield` in the argument of `import()` is not supported; yield into a variable first"},
		"pattern":          {"const { q: [r = 1] = a } = x", "in.js:1:13: Invalid destructuring binding target; an array pattern"}, // too near the start to be repaired
		"broken pattern":   {"function padding() {} const { q: [5 = 1] = a } = x", "in.js:1:35: Invalid left-hand side in assignment"},
		"jump":             {"function f() { break; }", "in.js:1:16: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := compile.Compile(compile.Script{Name: "in.js", Text: test.source})
			var refusal *compile.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v", err)
			}
			if !strings.HasPrefix(refusal.Error(), test.want) {
				t.Errorf("got %q, want %q…", refusal.Error(), test.want)
			}
		})
	}
}

// A stored bundle may come from anybody: its source map may hold anything.
func TestMalformedSourceMapsAreRefused(t *testing.T) {
	for _, mappings := range []string{
		"g", "gg", "!AAA", ",AAAA", "AAAA;!", strings.Repeat("g", 12) + "IAAA", strings.Repeat("/", 13) + "P", strings.Repeat("/", 40) + "AAAAA",
	} {
		sourceMap := `{"version":3,"sources":["a.ts"],"names":[],"mappings":"` + mappings + `"}`
		_, err := compile.Compile(compile.Script{Name: "bundle.js", Text: "1;", SourceMap: []byte(sourceMap)})
		if err == nil || !strings.Contains(err.Error(), "read source map") {
			t.Errorf("%.20q: %v", mappings, err)
		}
	}
}

// Whatever the source, the answer is a program or a refusal, and the refusal is
// not that the compiler has a fault.
func FuzzCompileNeverPanics(f *testing.F) {
	for _, seed := range []string{
		"async function f() { for (const x of y) { try { await x } finally { continue } } }",
		"function* g() { const {a = yield, ...b} = yield* c; label: switch (a) { case yield: break label } }",
		"class A extends B { static async m() { await super.m?.(`${await 1}`) } get x() { return () => this } }",
		"let a = async ({b, [c]: d = await 1}, ...e) => [arguments, new.target, e?.[await b]?.()]",
		"for (let i = 0, f = () => i; ; i++) { var v = class { [i] = () => i } }",
		"async function f() { x = {a, get b() { return super.c }, [await 1]: 2, __proto__: await 3, ...await 4}; [a.b, ...c] = await d; for (a.b in await c) await d }",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		_, err := compile.Compile(compile.Script{Name: "in.js", Text: source})
		if err != nil && strings.Contains(err.Error(), "the compiler can't compile this") {
			t.Fatal(err)
		}
	})
}
