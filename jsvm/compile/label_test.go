package compile_test

import (
	"errors"
	"strings"
	"testing"

	"kont/jsvm/compile"
)

// A label takes the place of the hash in the key of the point, and leaves nothing in the program.
func TestLabelsNameResumePoints(t *testing.T) {
	program := built(t, map[string]string{"app.ts": `import * as W from "kont";
import { label, ref } from "kont";
export async function* numbers() { yield label("made", 1); await W.label("slept", ref("x")); }
function* plain(): any { yield W.label("one", 1); yield* W.label("all", [2]); }
export default async function main() {
  const a = (await W.label("first", W.ref("a"))) + (await (label("second", ref("b"))));
  const f = async () => await label("first", a);
  return [a, await f(), plain];
}`})
	keys := map[string]string{}
	for _, f := range program.Manifest.Functions {
		for _, p := range f.Points {
			if p.Label != "" {
				keys[p.Key] += f.Name + " " + p.Label + ";"
			}
		}
	}
	for key, want := range map[string]string{"await@first": "main first;f first;", "await@second": "main second;", "yield@made": "(anonymous) made;",
		"yield@slept": "(anonymous) slept;", "yield@one": "plain one;", "yield*@all": "plain all;"} {
		if keys[key] != want {
			t.Errorf("%s is %q, want %q", key, keys[key], want)
		}
	}
	vm := load(t, program)
	if v, err := vm.RunString(`(function () { const r = []; for (const x of exports.numbers ? [1] : []) r.push(x); return r.length })()`); err != nil || v.ToInteger() != 1 {
		t.Errorf("%v %v", v, err)
	}
}

func TestLabelsThatNameNothing(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"outside", `const p = W.label("a", W.ref("a")); await p`, "app.ts:3:15: a label names the wait of an `await` or `yield` right before it; write `await W.label(\"name\", promise)`"},
		{"twice", `await W.label("a", W.ref("a")); await W.label("a", W.ref("b"))`,
			"app.ts:3:49: the label \"a\" is there twice in one function; a suspended thread is found again by it: name each wait differently"},
		{"not constant", `const n = String(W.threadId); await W.label(n, W.ref("a"))`, "app.ts:3:47: a label is read by the compiler, so its name must be a text in quotes; write `await W.label(\"name\", promise)`"},
		{"characters", `await W.label("a b", W.ref("a"))`, "app.ts:3:17: \"a b\" is no name for a label; use up to 64 letters, digits, `-`, `_` and `.`"},
		{"one argument", `await (W as any).label("a")`, "app.ts:3:20: a label takes a name and what is awaited, got 1 arguments; write `await W.label(\"name\", promise)`"},
		{"deeper", `await Promise.all([W.label("a", W.ref("a"))])`, "app.ts:3:24: a label names the wait of an `await` or `yield` right before it; write `await W.label(\"name\", promise)`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := compile.Compile(script(t, map[string]string{"app.ts": "import * as W from \"kont\";\nexport default async function main() {\n  " + c.body + "\n}"}))
			var refused *compile.Error
			if !errors.As(err, &refused) || len(refused.Diagnostics) != 1 || refused.Diagnostics[0].String() != c.want {
				t.Errorf("got\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

// A variable of the author's with the name of the import is no library.
func TestLabelOfSomethingElse(t *testing.T) {
	program := built(t, map[string]string{"app.ts": `import * as W from "kont";
export default async function main() { { const W = { label: (a: string, b: number) => b }; await W.label("a", 1); } await W.ref("x") }`})
	for _, f := range program.Manifest.Functions {
		for _, p := range f.Points {
			if p.Label != "" || strings.Contains(p.Key, "@") {
				t.Errorf("%s has the point %s", f.Key, p.Key)
			}
		}
	}
}
