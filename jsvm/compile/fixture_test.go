package compile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each fixture runs on goja's own async functions and rewritten; both show the
// same log and the same end. It does so at the top level of a module and inside
// a function, where everything that it declares becomes a closure.
func TestFixturesRunAlikePlainAndRewritten(t *testing.T) {
	files, err := filepath.Glob("testdata/fixtures/*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".js"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, string(source))
			compare(t, nested(string(source)))
		})
	}
}

func nested(source string) string {
	return "async function main() {\n" + source + "\nreturn main();\n}"
}

// goja's own faults that rewriting keeps away from users.
func TestFaultsOfTheEngineAreAvoided(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"finally that throws runs once": {"function main() { try { try { } catch (e) { } finally { log('once'); throw 1; } } catch (e) { } }", "once\n= undefined"},
		"continue in dead code":         {"function main() { for (const k in { a: 1 }) { if (false) { continue; } log(k); } }", "a\n= undefined"},
		"throw into a returning finally": {`function* g() { try { yield 1; } finally { yield 2; } }
			function main() { const i = g(); i.next(); i.return(5); try { i.throw(6); } catch (e) { log(e); } return i.next().done; }`, "6\n= true"},
		"comparisons go from left to right": {"function main() { const f = (a, b, c) => [a < b < c, a < (b < c), c > b > a, a < b < c >= b, c > (b > a), a.x?.y < b.length < c, a < (f.name < c), a + b < (-b + c < c), (a < b) in [1, 2]]; return f(1, 2, 3); }",
			"= [true, false, false, false, true, true, false, false, false]"},
		"comparisons of awaits": {"async function main() { const id = async (x) => x; return [1 < ((await id(2)) < 3), 1 < (await id(2)) < 3, (1 < (await id(5)) < 3), 3 > ((await id(2)) + 1 > 1), (0 < ((1, 2) < 3)), 5 < ((await id('(')) < (await id(1)))]; }",
			"= [false, true, true, true, true, false]"},
		"a branch that never runs leaves no traces":  {"async function main() { let h = 1; const f = () => h; b: { if (true && 's') break b; { h ??= 1; let v = 2; const g = () => v + h; await g(); } } while (false) { let h = 3; f(h); } return f(); }", "= 1"},
		"callee is looked up before its arguments":   {"async function main() { try { missing(await log('not')); } catch (e) { log(e.name); } }", "ReferenceError\n= undefined"},
		"x += y reads x before y assigns to it":      {"async function main() { let x = 1; x += (x = 5, await 2); return x; }", "= 3"},
		"a default parameter that throws rejects":    {"async function f(x = missing) {} function main() { return f().catch((e) => e.name); }", "= ReferenceError"},
		"async methods are AsyncFunction":            {"function main() { class C { async m() {} static async s() {} async [1 + 1]() {} } const o = { async m() {} }, of = Object.getPrototypeOf, a = async () => {}; return [o.m, new C().m, C.s, new C()[2]].map((f) => of(f) === of(a)); }", "= [true, true, true, true]"},
		"a default's closure sees a later parameter": {"async function main() { const f = async (a = () => b, c = 2, b = 1) => { await null; return [a(), c]; }; return f(undefined, undefined, 5); }", "= [5, 2]"},
		"assigning to an arrow's captured constants": {"function main() { const x = 1; const f = () => { x = 2; }; try { f(); } catch (e) { return e.name; } }", "= TypeError"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.TrimSpace(runRewritten(t, test.source).String()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
