package jsvm

import (
	"strings"
	"testing"
)

// What module code has made is shared by all threads. A thread that changes it gets an error, at once or when its step ends; the
// change is never lost in silence and never seen by another thread.
func TestChangesOfModuleObjectsAreNeverSilent(t *testing.T) {
	for name, test := range map[string]struct{ module, body, want string }{
		"generator":        {`const ids = (function* () { let i = 0; for (;;) yield i++ })();`, `ids.next();`, "ids is shared by all threads"},
		"generator, of":    {`const ids = (function* () { yield 1 })();`, `for (const x of ids) log(x);`, "ids is shared by all threads"},
		"array iterator":   {`const list = [1, 2][Symbol.iterator]();`, `list.next();`, "list is shared by all threads"},
		"map iterator":     {`const keys = new Map([[1, 2]]).keys();`, `const [a] = keys;`, "keys is shared by all threads"},
		"matches":          {`const found = "a1b2".matchAll(/\d/g);`, `found.next();`, "found is shared by all threads"},
		"typed array":      {`const bytes = new Uint8Array(4);`, `bytes[0] = 1;`, "bytes.buffer changed while a thread ran"},
		"view":             {`const view = new DataView(new ArrayBuffer(4));`, `view.setInt8(0, 1);`, "view.buffer changed while a thread ran"},
		"prototype":        {`class A { m() { return 1 } }`, `(A.prototype as any).m = () => 2;`, "A.prototype.m changed while a thread ran"},
		"prototype grows":  {`class A { m() { return 1 } }`, `(A.prototype as any).n = 2;`, "not extensible"},
		"static":           {`class A { static n = 1 }`, `A.n++;`, "read only property 'n'"},
		"captured":         {`const up = (() => { let n = 0; return () => ++n })();`, `up();`, "read only property 'n'"},
		"private":          {`class P { #n = 0; up() { return ++this.#n } } const p = new P();`, `p.up();`, "p (its private members) is shared by all threads"},
		"instance":         {`class Q { n = 0 } const q = new Q();`, `q.n = 1;`, "read only property 'n'"},
		"array":            {`const list = [1];`, `list.push(2);`, "TypeError"},
		"own method bound": {`class B { n = 1; constructor() { this.m = this.m.bind(this) } m() { return this.n } }`, `const b = new B(); await null; if (b.m() !== 1) throw 1;`, "= undefined"},
	} {
		for _, last := range []string{"", " await null;"} { // in the last step, and before another
			t.Run(name+last, func(t *testing.T) {
				source := "import { log } from \"./log\";\n" + test.module + "\nexport default async function main() { " + test.body + last + " }"
				b := compileFixture(t, source)
				p := NewPool(b, PoolOptions{})
				defer p.Close()
				for id := uint64(1); id < 3; id++ { // the second thread sees nothing of the first
					e, err := p.Step(t.Context(), Input{Thread: "T", StepID: id, Event: []byte("null")})
					got := "= undefined"
					if err != nil {
						got = err.Error()
					}
					for _, o := range e.Outputs {
						got = string(o.Value)
					}
					if !strings.Contains(got, test.want) {
						t.Errorf("thread %d: got %s, want %s", id, got, test.want)
					}
				}
			})
		}
	}
}

// A closure that has no factory is refused when the thread is saved.
func TestArrowThatCallsSuperIsRefusedWhenSaved(t *testing.T) {
	b := compileFixture(t, `import { log } from "./log";
class A {} class B extends A { constructor(keep: any) { const init = () => super(); init(); keep.init = init } }
export default async function main() { const kept: any = {}; new B(kept); await null; log(typeof kept.init) }`)
	o, _ := run(t, b, true, nil)
	if want := `"main.kept.init" is an arrow function that calls super(…), which cannot be kept across this await`; !strings.Contains(o.end, want) {
		t.Errorf("got %s, want %s", o, want)
	}
}

// A class is evaluated again when it is restored, with a prototype that names it.
func TestClassWithAnotherConstructorIsRefusedWhenSaved(t *testing.T) {
	b := compileFixture(t, `import { log } from "./log";
export default async function main() { const n = 1; class G { m() { return n } } (G.prototype as any).constructor = Object; const g = new G(); await null; log(g instanceof G) }`)
	o, _ := run(t, b, true, nil)
	if want := `is a class whose prototype has another constructor, which cannot be kept across this await`; !strings.Contains(o.end, want) {
		t.Errorf("got %s, want %s", o, want)
	}
}
