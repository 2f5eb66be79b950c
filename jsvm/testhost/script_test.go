package testhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kont/jsvm"
)

const workflowText = `import * as W from "kont";
export default async function main(what: string) {
  console.log("began", what);
  if (what === "proxy") { const held = new Proxy({}, {}); await W.ref("go"); return typeof held; }
  if (what === "loop") for (;;) {}
  if (what === "echo") for (;;) W.output(JSON.stringify({ ref: "echo" }), "workflow-resume", W.threadId), await W.refId("echo");
  return await W.ref("go");
}
`

// project writes files to a directory of the test's own and goes there.
func project(t *testing.T, pairs ...string) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(pairs[i]))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

const testImports = `import { test, workflow, assert } from "kont/test";` + "\n"

func TestFailuresSayWhatAndWhere(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"an assertion, with the workflow's console": {
			`test("a", () => {
  const t = workflow("./app.ts").start("t", "x");
  console.log("started", { n: 1 });
  assert.equal(t.status, "ended");
});`, `  FAIL a
       "running" is not "ended"
       at a.test.ts:5:10
           assert.equal(t.status, "ended");
                  ^
       | test: started { n: 1 }
       | t info: began x`},
		"an assertion in a helper": {
			`import { check } from "./lib/check";
test("a", async () => { await null; check(1); });`, `  FAIL a
       1 is too small
       at lib/check.ts:1:92
         import { assert } from "kont/test"; export function check(n: number) { if (n < 2) { assert.fail(n + " is too small") } }
                                                                                                    ^
       from a.test.ts:3:37`},
		"tabs and wide characters before it": {
			"\t\ttest(\"é😀\", () => { throw new TypeError(\"no\") });", `  FAIL é😀
       TypeError: no
       at a.test.ts:2:29
                 test("é😀", () => { throw new TypeError("no") });
                                          ^`},
		"a cause": {`test("a", () => { throw new Error("x", { cause: new RangeError("y") }) });`, `  FAIL a
       Error: x
       caused by RangeError: y
       at a.test.ts:2:25`},
		"no Error": {`test("a", () => { throw { toString() { throw 1 } } });`, `  FAIL a
       a value was thrown that is no Error: a value that has no text
       at a.test.ts:2:1`},
		"a fault that nobody looked at": {
			`test("a", () => { workflow("./app.ts").start("t", "proxy"); });
test("b", () => { assert(workflow("./app.ts").start("t", "proxy").fault); });`, `  FAIL a
       thread "t" is faulted: app.ts:4:59: "main.held" is a Proxy, which cannot be kept across this await
           at main (app.ts:4:59)
       (a test that expects it looks at thread.fault)
       at a.test.ts:2:1
         test("a", () => { workflow("./app.ts").start("t", "proxy"); });
         ^
       | t info: began proxy
  ok   b`},
		"a fault behind another failure": {
			`test("a", () => { const t = workflow("./app.ts").start("t", "proxy"); assert.equal(t.result, 1); });`, `  FAIL a
       undefined is not 1
       thread "t" is faulted: app.ts:4:59: "main.held"`},
		"a promise that nobody handled": {
			`test("a", () => { void assert.rejects(async () => 5); });
test("b", async () => { const p = Promise.reject(new Error("x")); await null; await p.catch(() => {}) });`, `  FAIL a
       a promise was rejected, and nobody handled it (is an ` + "`await`" + ` missing?): it was fulfilled with 5
       at a.test.ts:2:31`},
		"errors that throw when they are read": {
			`const odd = (of: string) => Object.defineProperty(new Error("x"), of, { get() { throw 1 } });
test("a", () => { throw odd("message"); });
test("b", () => { void Promise.reject(odd("name")) });
test("c", () => {});`, `  FAIL a
       Error: a value that has no text
       at a.test.ts:3:1
         test("a", () => { throw odd("message"); });
         ^
  FAIL b
       a promise was rejected, and nobody handled it (is an ` + "`await`" + ` missing?): a value that has no text: x
       at a.test.ts:4:1
         test("b", () => { void Promise.reject(odd("name")) });
         ^
  ok   c
`},
		"a snapshot whose name is a number": {`test("a", () => { assert.snapshot("x", 7 as any); });`, `  FAIL a
       TypeError: snapshot: the name is no text: 7
       at a.test.ts:2:26
`},
		"a promise that nothing settles": {
			`test("a", async () => { await new Promise(() => {}); });`, `  FAIL a
       the test waits for a promise that nothing settles: calls of the host are over when they return, and there are no other timers
       at a.test.ts:2:1`},
		"a workflow of a test that is over": {
			`let t: any;
const file = workflow("./app.ts");
test("a", () => { t = workflow("./app.ts").start("t") ; file.start("u"); });
test("b", () => { assert.deepEqual(file.threads, ["u"]); t.resume("go"); });`, `  ok   a
  FAIL b
       this workflow was opened by a test that is over; open one for each test, or one for the file outside of tests
       at a.test.ts:5:60`},
		"a workflow that does not compile": {
			`test("a", () => { workflow("./lib/broken.ts"); });
test("b", () => { workflow("./lib/broken.ts"); });`, `  FAIL a
       lib/broken.ts:2:11: Unexpected ";"
       at a.test.ts:2:19
         test("a", () => { workflow("./lib/broken.ts"); });
                           ^
  FAIL b
       lib/broken.ts:2:11: Unexpected ";"`},
		"the workflow library outside of a workflow": {
			`import * as W from "kont"; import { CancelToken } from "kont"; import { ref } from "@effectful/kafka-workflow-rt";
class Mine extends CancelToken {}
test("a", () => { assert.throws(() => ref("x")); W.sleep(5); });`, `  FAIL a
       Error: kont.sleep can be called by a workflow only; a test opens one with workflow(path)
       at a.test.ts:4:52`},
		"timers of the host": {`test("a", () => { setTimeout(() => {}, 5); });`, `  FAIL a
       Error: setTimeout is not available in a test: time passes by host.advance
       at a.test.ts:2:19`},
		"too many nested calls": {`test("a", () => { const f = (): any => [f()]; f(); });`, `  FAIL a
       too many nested calls
       at a.test.ts:2:`},
		"no tests":         {`export {}`, "  FAIL\n       the file has no tests: write `test(\"…\", () => { … })`, imported from \"kont/test\"\n"},
		"two of one name":  {"test('a', () => {});\ntest('a', () => {});", "  FAIL\n       Error: there is a test named \"a\" already\n       at a.test.ts:3:1\n"},
		"a test in a test": {`test("a", () => { test("b", () => {}) });`, "  FAIL a\n       Error: test \"b\": tests are registered while the file loads, not by a test\n       at a.test.ts:2:19\n"},
		"no name":          {`test("", () => {});`, "  FAIL\n       TypeError: test: the name is no text\n"},
		"no body":          {`test.only("a", 5 as any);`, "  FAIL\n       TypeError: test \"a\": the body is no function\n"},
		"code that throws": {`console.log("loading"); (undefined as any).x;`, "  FAIL\n       TypeError: Cannot read property 'x' of undefined\n       at a.test.ts:2:44\n"},
		"a promise that module code loses": {`Promise.reject(new Error("x")); test("a", () => {});`,
			"  FAIL\n       a promise was rejected, and nobody handled it (is an `await` missing?): Error: x\n       at a.test.ts:2:16\n"},
		"syntax":            {`test("a", () => { const a = ; });`, "  FAIL\n       a.test.ts:2:29: Unexpected \";\"\n"},
		"an unknown import": {`import { tset } from "kont/test"; tset("a", () => {});`, "  FAIL\n       a.test.ts:2:10: the module \"kont/test\" exports no `tset`; did you mean `test`?\n"},
		"a module of Node.js": {`import { readFileSync } from "node:fs"; test("a", () => readFileSync("x"));`,
			"  FAIL\n       a.test.ts:2:30: \"node:fs\" is a module of Node.js: a test has no host access; keep what it needs in a module or a .json file and import that\n"},
		"await of a module": {`await 1;`, "  FAIL\n       a.test.ts:2:1: top-level `await` is not supported; await in the body of a test\n"},
		"only and skip": {"test('a', () => { assert.fail() });\ntest.only('b', () => {});\ntest.skip('c');\ntest.skip('d', () => { assert.fail() });", `  skip a
  ok   b
  skip c
  skip d
`},
	} {
		t.Run(name, func(t *testing.T) {
			project(t, "app.ts", workflowText, "a.test.ts", testImports+c.source,
				"lib/check.ts", `import { assert } from "kont/test"; export function check(n: number) { if (n < 2) { assert.fail(n + " is too small") } }`,
				"lib/broken.ts", "export default async () => {\n  let x = ;\n}")
			_, text := runFiles(t, Options{}, "a.test.ts")
			if want := "a.test.ts\n" + c.want; !strings.HasPrefix(text, want) {
				t.Errorf("got\n%s\nwant\n%s", text, want)
			}
		})
	}
}

// A test that does not end is one failed test: the others run, in a VM of their own. Only the first test of a file is short of time.
func TestTestsThatDoNotEndAreEnded(t *testing.T) {
	defer func(grace time.Duration) { interruptGrace = grace }(interruptGrace)
	interruptGrace = time.Minute
	const wall = 700 * time.Millisecond
	bodies := []string{
		`for (;;) {}`,
		`const host = workflow("./app.ts"); for (;;) host.now;`,
		`workflow("./app.ts").start("t", "loop");`,
		`workflow("./app.ts").start("t", "echo");`,
		`const f = (): any => Promise.resolve().then(f); f();`,
	}
	pairs, files := []string{"app.ts", workflowText}, []string{}
	for i, body := range bodies {
		file := fmt.Sprintf("%d.test.ts", i)
		files = append(files, file)
		pairs = append(pairs, file, endless(body))
	}
	project(t, pairs...)
	results, text := runFiles(t, Options{Timeout: time.Minute, timeoutOf: shortOfTime(wall), Parallel: len(files)}, files...)
	for i, body := range bodies {
		_, got, _ := strings.Cut(text, files[i]+"\n")
		want := fmt.Sprintf("  FAIL a\n       the test ran for longer than %v\n       at %s:2:", wall, files[i])
		if tests := results[i].Tests; !strings.HasPrefix(got, want) || len(tests) != 3 || tests[1].Status != Passed || tests[2].Status != Passed {
			t.Errorf("%s: got\n%s\nwant\n%s", body, got, want)
		}
	}
}

// No interrupt ends a call that does not look for one: here it waits until another test has begun.
func TestTestInsideOneCallThatDoesNotEndIsAbandoned(t *testing.T) {
	defer func(grace time.Duration) { interruptGrace = grace }(interruptGrace)
	interruptGrace = time.Millisecond
	project(t, "app.ts", workflowText, "a.test.ts", endless(`workflow("./stuck.ts")`))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	bundles, release := NewBundles(), make(chan struct{})
	defer bundles.Close()
	bundles.loading[filepath.Join(here, "stuck.ts")] = func() (*program, error) {
		<-release
		return nil, errors.New("it is late")
	}
	results, text := runFiles(t, Options{
		Bundles: bundles, Timeout: time.Minute, timeoutOf: shortOfTime(time.Second), // by then it has called
		Began: func(_, test string) {
			if test == "b" {
				close(release)
			}
		},
	}, "a.test.ts")
	want := "a.test.ts\n  FAIL a\n       the test ran for longer than 1s, in one call of a built-in function that did not end\n"
	if tests := results[0].Tests; !strings.HasPrefix(text, want) || len(tests) != 3 || tests[1].Status != Passed || tests[2].Status != Passed {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// endless is a test file whose first test does not end by itself.
func endless(body string) string {
	return testImports + `test("a", () => { ` + body + ` });
test("b", () => { const t = workflow("./app.ts").start("t"); t.resume("go", 1); assert.equal(t.result, 1); });
test("c", () => {});`
}

// shortOfTime gives the first test little time and the others enough, however busy the machine is.
func shortOfTime(wall time.Duration) func(test string) time.Duration {
	return func(test string) time.Duration {
		if test == "a" {
			return wall
		}
		return time.Minute
	}
}

// What an engine leaves behind that has panicked is nothing to run another test on.
func TestVMWhoseEnginePanickedIsNotUsedAgain(t *testing.T) {
	w := newWorker(newScript(nil, nil))
	defer w.end()
	failure := w.do(t.Context(), time.Minute, "the test", func(context.Context) error { panic("lost") })
	if failure == nil || failure.Message != "the engine panicked: lost" || !w.isSpoilt {
		t.Errorf("%+v, spoilt: %t", failure, w.isSpoilt)
	}
}

// Places are named from where one is, also where a directory on the way looks like another's.
func TestPlacesAreNamedFromHere(t *testing.T) {
	project(t, "package.json", "{}", "lib/check.ts", "export const check = () => { throw new Error(\"here\") };",
		"tests/lib/check.ts", "", "tests/a.test.ts", testImports+"import { check } from \"../lib/check\";\ntest(\"a\", () => { check() });")
	if _, text := runFiles(t, Options{}, "tests/a.test.ts"); !strings.Contains(text, "at lib/check.ts:1:36\n") || !strings.Contains(text, "from tests/a.test.ts:3:19\n") {
		t.Error(text)
	}
	t.Chdir("tests")
	if _, text := runFiles(t, Options{}, "a.test.ts"); !strings.Contains(text, "at ../lib/check.ts:1:36\n") || !strings.Contains(text, "from a.test.ts:3:19\n") {
		t.Error(text)
	}
}

func TestFilterChoosesTests(t *testing.T) {
	project(t, "a.test.ts", testImports+"test('one', () => {}); test('two', () => {}); test('twelve', () => {});")
	if _, text := runFiles(t, Options{Filter: regexp.MustCompile("none")}, "a.test.ts"); text != "" {
		t.Errorf("of nothing is printed %q", text)
	}
	results, text := runFiles(t, Options{Filter: regexp.MustCompile("^tw")}, "a.test.ts")
	if len(results[0].Tests) != 2 || results[0].Tests[1].Name != "twelve" {
		t.Error(text)
	}
}

func TestEndedContextEndsARun(t *testing.T) {
	project(t, "a.test.ts", testImports+"test('one', () => { for (;;) {} });", "b.test.ts", testImports+"test('one', () => { for (;;) {} });")
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	Run(ctx, []string{"a.test.ts", "b.test.ts"}, Options{}, func(r FileResult) { t.Errorf("%s is reported", r.File) })
	if wall := time.Since(began); wall > time.Minute {
		t.Errorf("it took %v", wall)
	}
}

func TestWorkflowIsCompiledOnceARunAndAgainWhenItChanges(t *testing.T) {
	project(t, "app.ts", `import { word } from "./word"; export default async function main() { return word }`, "word.ts", `export const word = "one"`,
		"a.test.ts", testImports+`for (const n of [1, 2]) test("t" + n, () => { assert.equal(workflow("./app.ts").start("t").result, "one") });`,
		"b.test.ts", testImports+`test("t", () => { assert.equal(workflow("./app.ts").start("t").result, "one") });`)
	bundles := NewBundles()
	defer bundles.Close()
	results, text := runFiles(t, Options{Bundles: bundles}, "a.test.ts", "b.test.ts")
	if counts := CountsOf(results); counts.Passed != 3 || len(bundles.loading) != 1 {
		t.Fatalf("%d compiled\n%s", len(bundles.loading), text)
	}
	inputs := ""
	for _, input := range results[1].Inputs {
		inputs += input.Path + "\n"
	}
	if !strings.Contains(inputs, "/b.test.ts") || !strings.Contains(inputs, "/word.ts") || strings.Contains(inputs, "/a.test.ts") {
		t.Errorf("inputs\n%s", inputs)
	}
	bundles.Refresh()
	if len(bundles.loading) != 1 {
		t.Error("it is forgotten without a change")
	}
	if err := os.WriteFile("word.ts", []byte(`export const word = "two"`), 0o666); err != nil {
		t.Fatal(err)
	}
	bundles.Refresh()
	if _, text := runFiles(t, Options{Bundles: bundles}, "b.test.ts"); !strings.Contains(text, `"two" is not "one"`) {
		t.Error(text)
	}
}

func TestBundleOfAnOlderVersionCanBeOpened(t *testing.T) {
	project(t, "app.ts", `export default async function main() { return "old" }`,
		"a.test.ts", testImports+`test("a", () => { const host = workflow("./old.kont"); assert.equal(host.start("t").result, "old"); host.deploy("./app.ts"); assert.equal(host.start("t").result, "new"); });
test("b", () => { workflow("./none.kont") });
test("c", () => { workflow("./bad.kont") });`, "bad.kont", "no bundle")
	bundle, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: "app.ts"})
	if err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{"old.kont": bundle.Encode(), "app.ts": []byte(`export default async function main() { return "new" }`)} {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, text := runFiles(t, Options{}, "a.test.ts")
	for _, want := range []string{"ok   a\n", "none.kont: no such file or directory\n", "bad.kont: malformed bundle: "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// What the declarations promise is there.
func TestDeclaredMembersExist(t *testing.T) {
	member := regexp.MustCompile(`(?m)^    (?:readonly )?([a-zA-Z]+)[(:<]`)
	source := testImports + `test("members", () => { const host: any = workflow("./app.ts"), thread: any = host.start("t", "echo-less"); const objects: any = { Host: host, Thread: thread, assert };
	for (const [name, member] of members) assert(member in objects[name], name + "." + member); assert.equal(typeof test.only + typeof test.skip, "functionfunction") });
const members = [`
	count := 0
	for _, name := range []string{"interface Host", "interface Thread", "const assert"} {
		_, body, found := strings.Cut(Types, "export "+name)
		if !found {
			t.Fatalf("no %s", name)
		}
		body, _, _ = strings.Cut(body, "\n  }")
		_, short, _ := strings.Cut(name, " ")
		for _, match := range member.FindAllStringSubmatch(body, -1) {
			source += fmt.Sprintf("[%q, %q], ", short, match[1])
			count++
		}
	}
	project(t, "app.ts", workflowText, "a.test.ts", source+"];")
	if results, text := runFiles(t, Options{}, "a.test.ts"); CountsOf(results).Passed != 1 || count < 35 {
		t.Errorf("%d members\n%s", count, text)
	}
}

// What a test costs that waits twenty times for events and twenty times for nothing, compiled and warm.
func BenchmarkTestWithFortyAwaits(b *testing.B) {
	dir := b.TempDir()
	const workflow = `import * as W from "kont";
export default async function main() { let n = 0; for (let i = 0; i < 20; i++) n += await W.ref<number>("r"); for (let i = 0; i < 20; i++) { await null; n++ } return n }`
	for _, restore := range []string{"await", "step", "never"} {
		b.Run("restore="+restore, func(b *testing.B) {
			source := testImports + fmt.Sprintf(`for (let n = 0; n < %d; n++) test("t" + n, () => { const t = workflow("./app.ts").start("t"); for (let i = 0; i < 20; i++) t.resume("r", 1); assert.equal(t.result, 40) });`, b.N)
			for name, text := range map[string]string{"app.ts": workflow, "a.test.ts": source} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
					b.Fatal(err)
				}
			}
			Run(b.Context(), []string{filepath.Join(dir, "a.test.ts")}, Options{Restore: restore}, func(r FileResult) {
				if CountsOf([]FileResult{r}).Passed != b.N {
					b.Errorf("%+v", r)
				}
			})
		})
	}
}
