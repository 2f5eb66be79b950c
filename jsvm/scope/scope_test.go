package scope_test

import (
	"sort"
	"strings"
	"testing"

	"github.com/dop251/goja"

	"kont/jsvm/scope"
)

// facts lists what Analyse has found out about the bindings of a script.
func facts(t *testing.T, source string) (*scope.Info, string) {
	t.Helper()
	program, err := goja.Parse("test", source)
	if err != nil {
		t.Fatal(err)
	}
	info := scope.Analyse(program)
	var list []string
	for _, entry := range info.List {
		if entry.Function == nil {
			continue
		}
		for _, s := range entry.Function.Scopes {
			for _, b := range s.Bindings {
				marks := ""
				if b.InEnv() {
					marks += " captured"
				}
				if b.InModuleEnv() {
					marks += " module"
				}
				if b.Checked && (!b.InModule() || b.InModuleEnv()) {
					marks += " checked"
				}
				if marks != "" {
					list = append(list, b.Name+marks)
				}
			}
		}
	}
	sort.Strings(list)
	return info, strings.Join(list, ", ")
}

func TestBindingsGetTheirMarks(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"local":               {"function f(a) { let b = a; { const c = b; return c; } }", ""},
		"closure":             {"function f(a, b) { return () => a; }", "a captured"},
		"module constant":     {"const a = 1; function f() { return () => a; }", ""},
		"module variable":     {"let a = 1; let b = 2; b = 3; function f() { a++; }", "a module checked"},
		"pattern write":       {"let a; function f() { [a] = [1]; }", "a module checked"},
		"loop variable":       {"function f() { for (let i = 0, j = 0;;) g(() => i); }", "i captured"},
		"block of the module": {"{ let a = 1; function f() { return a; } }", "a captured checked"},
		"declared later":      {"function f() { const g = () => a; let a; g(); }", "a captured checked"},
		"declared before":     {"function f() { let a; return () => a; }", "a captured"},
		"hoisted function":    {"function f() { let a; return g; function g() { return a; } }", "a captured checked"},
		"own initialiser":     {"function f() { const g = () => g(); }", "g captured checked"},
		"other case":          {"function f(x) { switch (x) { case 1: let a; default: a; } }", "a checked"},
		"this in an arrow":    {"function f() { return () => this; }", "%this captured"},
		"arguments twice in":  {"function f() { return () => () => arguments; }", "%arguments captured"},
		"own name":            {"const f = function g() { return () => g; };", "g captured"},
		"catch parameter":     {"function f() { try { } catch ({a, b}) { return () => a; } }", "a captured"},
		"var in a catch":      {"function f() { try { } catch (e) { var e = 1; return () => e; } }", "e captured"},
		"default parameter":   {"function f(a, b = () => a) {}", "a captured"},
		"hidden by parameter": {"function f(a) { return (a) => a; }", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := facts(t, test.source); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFunctionsNeedTheEnvironmentsBetween(t *testing.T) {
	info, _ := facts(t, "function f(a) { return () => () => a; } function g() { return () => 1; } class A { m() { return 1; } }")
	var needs []bool
	for _, entry := range info.List {
		if entry.Function != nil {
			needs = append(needs, entry.Function.NeedsEnv)
		}
	}
	want := []bool{false, false, true, true, false, false, false}
	for i := range want {
		if needs[i] != want[i] {
			t.Errorf("function %d needs an environment: %v, want %v", i, needs[i], want[i])
		}
	}
}

func TestSuspensionsMarkWhatIsAroundThem(t *testing.T) {
	info, _ := facts(t, "async function f() { for (;;) { if (x) await y; } while (z) g(async () => { await 1; }); }")
	marked := 0
	for node := range info.Suspends {
		_ = node
		marked++
	}
	// for, its block, if, its statement, await; the arrow's statement and await.
	if marked != 7 {
		t.Errorf("%d nodes are marked, want 7", marked)
	}
}
