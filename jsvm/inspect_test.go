package jsvm

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
)

// atFile compiles a file whose lines can be counted.
const inspected = `import * as W from "kont";
let asked = 0;
class Line { constructor(public sku: string, public qty: number) {} }
async function ask(what: string, n: number) {
  asked++;
  const options = { what, n, tags: ["a", "b"] };
  const answer: any = await W.ref(what);
  return answer ?? options;
}
async function collect(lines: Line[]) {
  const total = new Map<string, number>();
  for (const line of lines) {
    const x = await ask(line.sku, line.qty);
    total.set(line.sku, x);
  }
  return total;
}
export default async function main() {
  const lines = [new Line("s1", 2), new Line("s2", 3)], since = new Date(0);
  let rounds = 0;
  const next = () => ++rounds;
  const [t] = await Promise.all([collect(lines), W.ref("stop")]);
  next();
  return [t.size, since];
}
`

func TestInspectShowsWhereAThreadWaits(t *testing.T) {
	b := compileText(t, inspected)
	h := newHost(t, b)
	if err := h.start(`null`); err != nil {
		t.Fatal(err)
	}
	h.settle("s1", `"value":9`)
	in, err := b.Inspect(h.effects.Continuation)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.MarshalIndent(in, "", " ")
	if got := strings.Join(in.Refs, " "); got != "1:stop:2 2:s2:1" {
		t.Errorf("refs %q", got)
	}
	if len(in.Waiting) != 1 {
		t.Fatalf("waiting: %s", text)
	}
	w := in.Waiting[0]
	if w.Function != "ask" || w.Await.String() != "app.ts:7:23" {
		t.Errorf("waits in %s at %s", w.Function, w.Await)
	}
	requireLocals(t, w.Locals, map[string]string{"options": `{what: "s2", n: 3, tags: ["a", "b"]}`})
	if len(w.Callers) != 2 || w.Callers[0].Function != "collect" || w.Callers[0].Await.String() != "app.ts:13:15" ||
		w.Callers[1].Function != "main" || w.Callers[1].Await.String() != "app.ts:22:15" {
		t.Fatalf("callers: %s", text)
	}
	requireLocals(t, w.Callers[0].Locals, map[string]string{"total": `Map {"s1" => 9}`, "line": `Line {sku: "s2", qty: 3}`})
	requireLocals(t, w.Callers[1].Locals, map[string]string{"rounds": "0", "since": "1970-01-01T00:00:00.000Z"})
	if len(in.Module) != 1 || in.Module[0] != (Local{"asked", "2"}) {
		t.Errorf("module variables: %v", in.Module)
	}
	for _, l := range append(w.Locals, w.Callers[1].Locals...) {
		if strings.HasPrefix(l.Name, "%") {
			t.Errorf("the compiler's %s is shown", l.Name)
		}
	}
}

// What is private to the engine is not to the author: bytes, private fields, and which of several refs a function waits for.
func TestInspectShowsBytesPrivateFieldsAndRefs(t *testing.T) {
	b := compileText(t, `import * as W from "kont";
class Cart { #lines = 1; #total = { sum: 2 }; #check() { return this.#lines } open = true; lines() { return this.#check() + this.#total.sum } }
class Gift extends Cart { #lines = "gift"; note() { return this.#lines } }
async function ask(what: string) {
  class Local { #deep = what; get() { return this.#deep } }
  const local = new Local(), kept = new WeakMap([[local, 1]]);
  const answer = await W.ref(what);
  return [answer, local.get(), kept];
}
export default async function main() {
  const gift = new Gift(), bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 255]), floats = new Float64Array([1.5, -0, NaN]), bigs = new BigInt64Array([1n, -2n]);
  const view = new DataView(bytes.buffer, 2, 3), shorts = new Int16Array(new Int16Array([7, -8, 9]).buffer, 2, 2), nothing = new Uint8Array(0), buffer = bytes.buffer;
  const box = W.inbox("mail");
  const first = async () => await box.next();
  await Promise.race([Promise.all([ask("a"), ask("b")]), first(), W.ref("stop"), Promise.any([W.sleep(5).then((x: any) => x)])]);
  return [gift.lines(), gift.note(), bytes, floats, bigs, view, shorts, nothing, buffer];
}`)
	h := newHost(t, b)
	if err := h.start(`null`); err != nil {
		t.Fatal(err)
	}
	in, err := b.Inspect(h.effects.Continuation)
	if err != nil {
		t.Fatal(err)
	}
	var waits []string
	for _, w := range in.Waiting {
		waits = append(waits, w.Function+" "+strings.Join(w.Refs, ","))
		if c := w.Callers[len(w.Callers)-1]; strings.Join(c.Refs, " ") != "1:stop:3 1:sleep:4" {
			t.Errorf("%s waits for %q", c.Function, c.Refs)
		}
	}
	if got := strings.Join(waits, " | "); got != "ask 1:a:1 | ask 1:b:2 | main.first mail" {
		t.Errorf("waits: %s", got)
	}
	requireLocals(t, in.Waiting[0].Locals, map[string]string{"local": `ask.Local {#deep: "a"}`, "kept": "WeakMap"})
	callers := in.Waiting[0].Callers
	requireLocals(t, callers[len(callers)-1].Locals, map[string]string{
		"gift":  `Gift {open: true, #lines: 1, #total: {sum: 2}, #lines: "gift"}`,
		"bytes": "Uint8Array(7) [1, 2, 3, 4, 5, … 2 more]", "floats": "Float64Array(3) [1.5, -0, NaN]", "bigs": "BigInt64Array(2) [1n, -2n]",
		"view": "DataView(3) [3, 4, 5]", "shorts": "Int16Array(2) [-8, 9]", "nothing": "Uint8Array(0) []", "buffer": "ArrayBuffer(7) [1, 2, 3, 4, 5, … 2 more]"})
}

func requireLocals(t *testing.T, locals []Local, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, l := range locals {
		got[l.Name] = l.Value
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is shown as %q, want %q (all: %v)", name, got[name], value, locals)
		}
	}
}

func TestInspectRefusesWhatIsNoContinuationOfTheBundle(t *testing.T) {
	b, other := compileText(t, inspected), compileText(t, smallWorkflow)
	h := newHost(t, b)
	if err := h.start(`null`); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"empty": {}, "text": []byte("hello"), "cut": h.effects.Continuation[:40], "long": append(h.effects.Continuation[:len(h.effects.Continuation):len(h.effects.Continuation)], 0)} {
		if _, err := b.Inspect(data); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := other.Inspect(h.effects.Continuation); err == nil || !strings.Contains(err.Error(), "belongs to bundle") {
		t.Errorf("another bundle: %v", err)
	}
}

// A damaged continuation gives an error in Inspect and in Step, or a thread; never a panic that gets out.
func TestDamagedContinuationsAreFaultsOrHarmless(t *testing.T) {
	b := compileText(t, inspected)
	h := newHost(t, b)
	if err := h.start(`null`); err != nil {
		t.Fatal(err)
	}
	good := h.effects.Continuation
	for i := 19; i < len(good); i++ {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1 << (i % 8)
		_, _ = b.Inspect(bad)
		h.effects.Continuation = bad
		if err := h.send(`{"ref":"1:s1:1","value":1}`); err != nil && strings.Contains(err.Error(), "engine panic") {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		bad := append([]byte(nil), good...)
		for range 1 + r.IntN(4) {
			bad[18+r.IntN(len(bad)-18)] = byte(r.IntN(256))
		}
		_, _ = b.Inspect(bad)
		h.effects.Continuation = bad
		if err := h.send(`{"ref":"1:s1:1","value":1}`); err != nil && strings.Contains(err.Error(), "engine panic") {
			t.Errorf("%x: %v", bad, err)
		}
	}
	h.effects.Continuation = good
	if err := h.send(`{"ref":"1:s1:1","value":1}`); err != nil {
		t.Errorf("the good one afterwards: %v", err)
	}
}

func TestFaultsAndErrorsShowTheAuthorsLines(t *testing.T) {
	for name, test := range map[string]struct{ source, path, where, message string }{
		"proxy":   {"import * as W from \"kont\";\nexport default async function book(x: any) {\n  const cart = { items: [1, new Proxy({}, {})] };\n  const n: number = 3;\n  await W.ref();\n  return cart;\n}", "book.cart.items[1]", "app.ts:5:3", "is a Proxy"},
		"closure": {"import * as W from \"kont\";\nexport default async function book(x: any) {\n  const view = new Proxy({}, {});\n  const get = () => view;\n  await W.ref();\n  return get;\n}", "book.view", "app.ts:5:3", "is a Proxy"},
		"nested":  {"import * as W from \"kont\";\nasync function inner(m: Map<any, any>) {\n\n  await W.ref();\n  return m;\n}\nexport default async function book() {\n  return await inner(new Map([[\"k\", {w: [1n, new Proxy({}, {})]}]]));\n}", "inner.m[0].w[1]", "app.ts:4:3", "is a Proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, compileText(t, test.source))
			f := fault(t, h.start(`null`))
			if f.Kind != FaultUnsavable || f.Path != test.path || !strings.Contains(strings.Join(f.Stack, "\n"), test.where) || !strings.Contains(f.Message, test.message) {
				t.Errorf("got %+v", f)
			}
		})
	}
}

// The stack of an error that was thrown before a suspension and read after it.
func TestErrorStacksSurviveInTypeScript(t *testing.T) {
	h := newHost(t, compileText(t, `import * as W from "kont";
function fails(): never {
  throw new Error("deep");
}
interface Ignored { a: string }
export default async function main() {
  let kept: any;
  try { fails() } catch (e) { kept = e }
  await W.ref();
  return kept.stack;
}`))
	if err := h.start(`null`); err != nil {
		t.Fatal(err)
	}
	h.settle("ref", `"value":1`)
	if got := strings.Join(h.lines, "\n"); !strings.Contains(got, "at fails (app.ts:3:") || !strings.Contains(got, "at main (app.ts:8:") {
		t.Errorf("got %s", got)
	}
}

func TestCompileErrorsNameThePlace(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"syntax":         {"export default async function main() {\n  return 1 +;\n}", "app.ts:2:13"},
		"no entry":       {"export const x = 1;", "app.ts"},
		"type only":      {"export interface A { x: number }", "app.ts"},
		"await outside":  {"export default async function main() {}\nawait 1;", "app.ts:2:1"},
		"throws on load": {"const x: any = undefined;\nconst y = x.z;\nexport default async function main() { return y }", "app.ts:2:"},
		"bad manifest":   {"export const manifest = {outputTopics: 5};\nexport default async function main() {}", "app.ts"},
		"ref on load":    {"import * as W from \"kont\";\nexport const r = W.ref();\nexport default async function main() {}", "app.ts:2:"},
		"unknown import": {"import x from \"nowhere-at-all\";\nexport default async () => x", "app.ts:1:"},
		"eval on load":   {"const f = Function(\"return 1\");\nexport default async () => f()", "app.ts:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(t.Context(), CompileOptions{Entry: "app.ts", Files: mapFS(test.source)})
			var refused *CompileError
			if !asCompileError(err, &refused) || !strings.HasPrefix(refused.Error(), test.want) {
				t.Errorf("got %v, want %s…", err, test.want)
			}
		})
	}
	b := compileText(t, inspected)
	if topics := b.OutputTopics(); len(topics) != 0 {
		t.Errorf("topics %v", topics)
	}
}

func mapFS(source string) fstest.MapFS { return mapFile("app.ts", source) }

func mapFile(name, source string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(source)}} }
