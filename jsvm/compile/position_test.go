package compile_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
	"kont/jsvm/compile"
	"kont/jsvm/runtime"
)

// built bundles TypeScript files with entry app.ts and compiles the result.
func built(t *testing.T, files map[string]string) *compile.Program {
	t.Helper()
	program, err := compile.Compile(script(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func script(t *testing.T, files map[string]string) compile.Script {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	result, err := bundle.Build(bundle.Options{Entry: "app.ts", Files: tree})
	if err != nil {
		t.Fatal(err)
	}
	return compile.Script{Name: "app.js", Text: string(result.Script), SourceMap: result.SourceMap}
}

// load runs a compiled bundle's module code and gives the VM; `exports` is global.
func load(t *testing.T, program *compile.Program) *goja.Runtime {
	t.Helper()
	vm := goja.New()
	rt, err := runtime.Install(vm, runtime.Host{Log: func(level, text string) {}})
	if err != nil {
		t.Fatal(err)
	}
	_ = vm.Set("rt", rt)
	function, err := vm.RunProgram(program.Prog)
	if err != nil {
		t.Fatal(err)
	}
	_ = vm.Set("load", function)
	if _, err := vm.RunString(`rt.begin("T", "1"); const module = {exports: {}}; load(rt, module, module.exports, rt.require); globalThis.exports = module.exports`); err != nil {
		t.Fatal(err)
	}
	return vm
}

// Rewriting keeps positions: the stack of an error shows functions and lines of
// the TypeScript, before an await, after it, and in a closure.
func TestStackTracesShowTheTypeScript(t *testing.T) {
	vm := load(t, built(t, map[string]string{"app.ts": `
interface Big { a: number }

function thrower(x: number): never {
	throw new Error("here " + x);
}
async function early(x: number) {
	const y = x + 1;
	thrower(y);
}
async function late(x: number) {
	await null;
	for (const z of [x]) {
		const f = () => thrower(z);
		await null;
		f();
	}
}
export async function main() {
	const stacks: string[] = [];
	for (const f of [early, late]) {
		try { await f(1); } catch (e: any) { stacks.push(e.stack); }
	}
	return stacks.join("\n--\n");
}
`}))
	v, err := vm.RunString(`let out; exports.main().then((v) => { out = v }); rt.drain(); out`)
	if err != nil {
		t.Fatal(err)
	}
	stack := v.String()
	for _, want := range []string{
		"at thrower (app.ts:5:", "at early (app.ts:9:", "at f (app.ts:14:", "at late (app.ts:16:",
	} {
		if !strings.Contains(stack, want) {
			t.Errorf("no %q in\n%s", want, stack)
		}
	}
}

// The bundler renames what would clash after merging modules; continuations
// have the author's names, and the module that they belong to.
func TestManifestHasTheAuthorsNames(t *testing.T) {
	program := built(t, map[string]string{
		"app.ts": `
import { step as other, count as c2 } from "./lib/other";
let count = 0;
async function step(value: number) {
	count++;
	const kept = value;
	await null;
	{ const kept = value * 2; await kept; log(kept); }
	return kept + count + await other(value);
}
class Trip { async book(seat: number) { await seat; return seat; } static async all() { await 0; } get x() { return 1; } }
const table = { handler: async () => { await table; }, async method() { await table; } };
function log(...a: any[]) {}
export function main() { const inner = async () => { await c2; }; const twin = [async () => { await 1; }, async () => { await 2; }]; return [step, new Trip(), inner, twin, table]; }
`,
		"lib/other.ts": `
export let count = 10;
export async function step(value: number) { count++; const value2 = await value; return value2; }
`})
	keys := map[string]compile.Function{}
	for _, f := range program.Manifest.Functions {
		if _, twice := keys[f.Key]; twice {
			t.Errorf("two functions have the key %s", f.Key)
		}
		keys[f.Key] = f
	}
	for _, want := range []string{
		"app.ts#step", "lib/other.ts#step", "app.ts#Trip", "app.ts#Trip/book", "app.ts#Trip/all", "app.ts#Trip/get x",
		"app.ts#handler", "app.ts#method", "app.ts#main", "app.ts#main/inner", "app.ts#main/(anonymous)", "app.ts#main/(anonymous)~2",
	} {
		if _, ok := keys[want]; !ok {
			t.Errorf("no function %s in %v", want, sortedKeys(keys))
		}
	}
	step := keys["app.ts#step"]
	if step.At.Module != "app.ts" || step.At.Line != 4 {
		t.Errorf("step is at %v", step.At)
	}
	var lines []int
	var slots []string
	for _, p := range step.Points[1:] {
		lines = append(lines, p.At.Line)
		names := ""
		for _, s := range p.Slots {
			names += s.Name + " "
		}
		slots = append(slots, names)
	}
	if want := []string{"value kept ", "value kept kept#2 ", "%t3 "}; !equal(slots, want) || lines[0] != 7 || lines[1] != 8 || lines[2] != 9 {
		t.Errorf("slots %q at lines %v, want %q", slots, lines, want)
	}
	if want := []string{"lib/other.ts:count", "app.ts:count"}; !equal(program.Manifest.ModuleEnv, want) {
		t.Errorf("module variables %q, want %q", program.Manifest.ModuleEnv, want)
	}
}

func sortedKeys(m map[string]compile.Function) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

// What was stored under a key is found again after an edit elsewhere: other
// functions, other awaits in the same function, renumbered ids.
func TestKeysOutliveEdits(t *testing.T) {
	before := built(t, map[string]string{"app.ts": `
export async function main(x: number) { await first(x); await second(x); }
async function first(x: number) { await x; } async function second(x: number) { await x; }`})
	after := built(t, map[string]string{"app.ts": `
const added = () => 1;
async function first(x: number) { await x; } async function second(x: number) { await x; }
export async function main(x: number) { added(); await first(x); await added(); await second(x); }`})
	find := func(p *compile.Program, key string) compile.Function {
		for _, f := range p.Manifest.Functions {
			if f.Key == key {
				return f
			}
		}
		t.Fatalf("no function %s", key)
		return compile.Function{}
	}
	a, b := find(before, "app.ts#main"), find(after, "app.ts#main")
	if a.Fingerprint == b.Fingerprint {
		t.Error("an edited function has the same fingerprint")
	}
	if a.Points[1].Key != b.Points[1].Key || a.Points[2].Key != b.Points[3].Key {
		t.Errorf("points %v became %v", a.Points, b.Points)
	}
	if find(before, "app.ts#first").Fingerprint != find(after, "app.ts#first").Fingerprint {
		t.Error("an unchanged function has another fingerprint")
	}
}

func TestCompilingTwiceGivesTheSame(t *testing.T) {
	files := map[string]string{"app.ts": `let n = 0; export async function main() { for (const x of [1]) { try { await x; } finally { await 2; } } const f = () => n++; switch (n) { case 1: await f(); } }`}
	a, b := built(t, files), built(t, files)
	if pa, pb := print(a), print(b); pa != pb {
		t.Errorf("first\n%s\nthen\n%s", pa, pb)
	}
}
