package bundle

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// files makes an in-memory project of name, text pairs.
func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func built(t *testing.T, pairs ...string) *Result {
	t.Helper()
	r, err := Build(Options{Entry: pairs[0], Files: files(pairs...)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScriptIsParsedByGoja(t *testing.T) {
	r := built(t, "app.ts", `
		import * as W from "kont";
		import { ref, type CancelToken } from "@effectful/kafka-workflow-rt";
		enum Colour { Red, Green = "grün" }
		namespace N { export const one: number = 1 }
		function logged(value: any, context: any) { return value }
		abstract class Base<T> {
			static #count = 0; declare ghost: string; protected readonly x?: T;
			static { Base.#count++ }
			constructor(private y: number) {}
			#hidden() { return this.y }
			get z() { return #hidden in this ? this.#hidden() : 0 }
			method() { return 1n ** 2n }
			async *stream() { yield* [1]; yield await 2 }
			*plain() { yield* [1] }
		}
		@logged class Decorated { @logged method() {} accessor held = 3 }
		const tag = (s: TemplateStringsArray, ...v: unknown[]) => s.raw[0];
		export default async function main({ a = 1, ...rest }: any, [b, , ...c]: any[] = []) {
			a ??= 2; rest?.x?.[b]; a ||= 1; a &&= 3;
			for await (const x of new (class extends Base<string> {})(1).stream()) { W.output(x as any, "t") }
			{ using held = { [Symbol.dispose]() {} } as any; await using later = null; }
			label: for (const x in rest) { if (x) continue label; else break label }
			try { throw new Error("x", { cause: a }) } catch { } finally { tag`+"`a${1}`"+` }
			return [Decorated, /(?<year>\d+)(?<=x)/suy, /[\p{L}--q]/v, /x/d, 1_000, new.target, await import("./other.js"), a! satisfies number, Colour.Red, ref, <any>N.one];
		}
		`, "other.ts", `export const name: string = "é😀\u2028"`)
	if i := bytes.IndexFunc(r.Script, func(c rune) bool { return c > 126 }); i >= 0 {
		t.Errorf("not ASCII at %d: %q", i, r.Script[i:i+10])
	}
	if _, err := goja.Parse("workflow.js", string(r.Script), parser.WithDisableSourceMaps); err != nil {
		t.Fatalf("%v\n%s", err, r.Script)
	}
	for _, want := range []string{`require("kont")`, `require("@effectful/kafka-workflow-rt")`, "async function main", "await ", "*plain"} {
		if !bytes.Contains(r.Script, []byte(want)) {
			t.Errorf("the script has no %q", want)
		}
	}
	if bytes.Contains(r.Script, []byte("sourceMappingURL")) {
		t.Error("the script names its source map")
	}
}

func TestEntryFunctionIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		source, export string
		isCommonJS     bool
	}{
		"default function":           {`export default async () => 1; export const main = 2`, "default", false},
		"main":                       {`export async function main() {}; export const manifest = {}`, "main", false},
		"renamed":                    {`function f() {} export { f as main, f as "a b" }`, "main", false},
		"re-exported":                {`export * from "./other"`, "main", false},
		"imported by its own import": {`import * as self from "./app"; export function main() { return self }`, "main", false},
		"CommonJS":                   {`exports.main = function () {}`, "", true},
		"CommonJS module":            {`module.exports = function () {}`, "", true},
		"neither":                    {`export const manifest = {}, other = 1`, "", false},
		"empty":                      {"", "", false},
		"only types":                 {"export interface A { a: string }\nexport type B = A", "", false},
		"no exports":                 {"console.log(1)", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := built(t, "app.ts", c.source, "other.ts", "export function main() {}")
			if r.Export != c.export || r.IsCommonJS != c.isCommonJS || r.Entry != "app.ts" {
				t.Errorf("got %q (%t) in %q, want %q (%t)\n%s", r.Export, r.IsCommonJS, r.Entry, c.export, c.isCommonJS, r.Script)
			}
		})
	}
}

func TestRefusalsNameThePlaceAndAWayOut(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"syntax":             {"export default async () => {\n  let x = ;\n}", `app.ts:2:11: Unexpected ";"`},
		"column in UTF-16":   {"/* é😀 */ let x = ;", `app.ts:1:19: Unexpected ";"`},
		"byte order mark":    {"\ufefflet x = ;", `app.ts:1:9: Unexpected ";"`},
		"node module":        {"import fs from \"node:fs\"\nexport default () => fs", `app.ts:1:16: "node:fs" is a module of Node.js: workflow code has no host access; let a service do it: send it a record and await its reply`},
		"bare node module":   {"import { readFile } from 'fs/promises'\nexport default () => readFile", `app.ts:1:26: "fs/promises" is a module of Node.js: workflow code has no host access; let a service do it: send it a record and await its reply`},
		"no UTF-8":           {"const a = 1;\nexport default () => \"\xe4\"", `app.ts:2:23: the file is no UTF-8 text; save it with the encoding UTF-8`},
		"required module":    {"exports.main = () => require('net')", `app.ts:1:30: "net" is a module of Node.js: workflow code has no host access; let a service do it: send it a record and await its reply`},
		"missing file":       {"import x from './nowhere'\nexport default x", `app.ts:1:15: there is no file "./nowhere"; the path is relative to this file; .ts, .tsx, .js, .jsx, .mjs, .cjs and .json can be left out`},
		"missing package":    {"import x from 'nowhere'\nexport default x", "app.ts:1:15: there is no package or file \"nowhere\" in node_modules; install it with `npm install nowhere`, or begin the path of a file of your own with ./"},
		"missing import":     {"import { x } from './other'\nexport default x", "app.ts:1:10: other.ts exports no `x`; export it there, or import another name; a type is imported with `import type`"},
		"import.meta":        {"export default () => import.meta.url", "app.ts:1:22: `import.meta` is not available: a workflow has no files; pass what you need in the start event"},
		"top-level await":    {"await 1\nexport default () => 1", "app.ts:1:1: top-level `await` is not supported: module code runs at every load, not once a thread; await inside the entry function"},
		"style sheet":        {"export default 1\nimport './dir/x.css'", "app.ts:2:8: x.css cannot be imported: a workflow has no page to style; remove the import"},
		"styles of a module": {"import * as s from './dir/x.module.css'\nexport default s", "app.ts:1:20: x.module.css cannot be imported: a workflow has no page to style; remove the import"},
		"picture":            {"import './dir/x.png'", "app.ts:1:8: dir/x.png cannot be imported: .png is no kind of source; import TypeScript, JavaScript, .json or .txt; other data comes in an event"},
	} {
		t.Run(name, func(t *testing.T) {
			sources := files("package.json", "{}", "app.ts", c.source, "other.ts", "export const y = 1",
				"dir/x.css", "a { color: red }", "dir/x.module.css", ".a { color: red }", "dir/x.png", "")
			dir := t.TempDir()
			if err := os.CopyFS(dir, sources); err != nil {
				t.Fatal(err)
			}
			for where, o := range map[string]Options{"memory": {Entry: "app.ts", Files: sources}, "disk": {Entry: filepath.Join(dir, "app.ts")}} {
				_, err := Build(o)
				var refused *Error
				if !errors.As(err, &refused) {
					t.Fatalf("%s: got %v", where, err)
				}
				if got := refused.Diagnostics[0].String(); got != c.want {
					t.Errorf("%s\ngot  %s\nwant %s", where, got, c.want)
				}
			}
		})
	}
	const sheet = "x.css:1:1: x.css cannot be imported: a workflow has no page to style; remove the import"
	if _, err := Build(Options{Entry: "x.css", Files: files("x.css", "a { color: red }")}); err == nil || err.Error() != sheet {
		t.Errorf("got %v, want %s", err, sheet)
	}
	for _, entry := range []string{"", "nowhere.ts", t.TempDir()} {
		var refused *Error
		if _, err := Build(Options{Entry: entry}); !errors.As(err, &refused) {
			t.Errorf("%q: got %v", entry, err)
		}
	}
}

func TestSeveralErrorsAreReportedAtOnce(t *testing.T) {
	_, err := Build(Options{Entry: "app.ts", Files: files("app.ts", "import a from './x'; import b from 'net'; export default [a, b]")})
	var refused *Error
	if !errors.As(err, &refused) || len(refused.Diagnostics) != 2 {
		t.Fatalf("got %v", err)
	}
}

func TestModulesTellOwnSourcesFromPackages(t *testing.T) {
	r := built(t, "src/app.ts", `import { add } from "sum"; import deep from "sum/deep"; import data from "../data.json"; import type { T } from "./types"; import util from "util";
		export default (t: T) => add(data.one, deep, util.x)`,
		"data.json", `{"one": 1}`, "src/types.ts", "export type T = number",
		"node_modules/sum/package.json", `{"main": "lib/main"}`, "node_modules/sum/lib/main.js", "exports.add = (a, b) => a + b",
		"node_modules/sum/deep/index.js", "module.exports = 3", "node_modules/util/index.js", "exports.x = 1")
	own := map[string]bool{}
	for _, m := range r.Modules {
		own[m.Path] = m.Own
		if m.Text == "" {
			t.Errorf("%s has no text", m.Path)
		}
	}
	if want := map[string]bool{"src/app.ts": true, "data.json": true, "node_modules/sum/lib/main.js": false,
		"node_modules/sum/deep/index.js": false, "node_modules/util/index.js": false}; !reflect.DeepEqual(own, want) {
		t.Errorf("got %v, want %v", own, want)
	}
}

// A package's source map names files of its authors, which may be called like the project's.
func TestModulesOfPackagesAreTheInstalledFiles(t *testing.T) {
	const sourceMap = `{"version":3,"sources":["../../../app.ts"],"sourcesContent":["export const one = 1"],"names":[],"mappings":"AAAO,MAAM,MAAM"}`
	sources := files("package.json", "{}", "app.ts", `import { one } from "one"; import { two } from "two"; export const main = () => [one, two]`,
		"node_modules/one/package.json", `{"type": "module", "main": "dist/index.js"}`,
		"node_modules/one/dist/index.js", "export const one = \"//# sourceMappingURL=index.js.map\";\n//# sourceMappingURL=index.js.map\n", "node_modules/one/dist/index.js.map", sourceMap,
		"node_modules/two/package.json", `{"main": "dist/index.cjs"}`,
		"node_modules/two/dist/index.cjs", "exports.two = 2;\r\n/*# sourceMappingURL=data:application/json;base64,"+base64.StdEncoding.EncodeToString([]byte(sourceMap))+" */")
	dir := t.TempDir()
	if err := os.CopyFS(dir, sources); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{Entry: filepath.Join(dir, "app.ts")}, {Entry: "app.ts", Files: sources}} {
		r, err := Build(o)
		if err != nil {
			t.Fatal(err)
		}
		own := map[string]bool{}
		for _, m := range r.Modules {
			own[m.Path] = m.Own
		}
		if want := map[string]bool{"app.ts": true, "node_modules/one/dist/index.js": false, "node_modules/two/dist/index.cjs": false}; !reflect.DeepEqual(own, want) {
			t.Errorf("got %v, want %v", own, want)
		}
		if !bytes.Contains(r.Script, []byte(`"//# sourceMappingURL=index.js.map"`)) {
			t.Errorf("a string is lost:\n%s", r.Script)
		}
	}
}

// Packages are taken in the variant for a worker of a browser: it needs neither Node.js nor a page.
func TestPackagesComeWithoutNodeAndWithoutAPage(t *testing.T) {
	sources := files("package.json", "{}", "app.ts", `
		import exported from "exported"; import mapped from "mapped"; import page from "page"; import * as probing from "probing";
		export const main = async () => [exported, mapped, page, probing.where, probing.meta, probing.lost, await probing.read().catch(String), await probing.load().catch(String), probing.tried];`,
		"node_modules/exported/package.json", `{"exports": {"node": "./node.js", "browser": "./page.js", "default": "./node.js"}}`,
		"node_modules/exported/node.js", `export { randomBytes as default } from "node:crypto"`, "node_modules/exported/page.js", `export default "browser"`,
		"node_modules/page/package.json", `{"exports": {"worker": "./worker.js", "browser": "./page.js", "default": "./node.js"}}`,
		"node_modules/page/page.js", "export default document.title", "node_modules/page/worker.js", `export default "worker"`,
		"node_modules/mapped/package.json", `{"main": "main.js", "browser": {"fs": false, "node:net": false, "./node.js": "./page.js"}}`,
		"node_modules/mapped/main.js", `exports.default = Object.keys(require("fs")).length + Object.keys(require("node:net")).length + require("./node.js"); exports.__esModule = true`,
		"node_modules/mapped/node.js", `module.exports = process.versions.node`, "node_modules/mapped/page.js", `module.exports = " files"`,
		"node_modules/probing/package.json", `{"module": "main.js"}`,
		"node_modules/probing/main.js", `import * as other from "./other.js";
			export const where = typeof self === "object" && self === globalThis, meta = typeof import.meta.env, lost = other.lost;
			export const read = async () => (await import("fs/promises")).readFile("x");
			export const load = async () => require("node:fs").readFileSync("x");
			let found; try { found = require("os").cpus() } catch (error) { found = String(error) }
			export const tried = found;`,
		"node_modules/probing/other.js", `export const kept = 1`)
	dir := t.TempDir()
	if err := os.CopyFS(dir, sources); err != nil {
		t.Fatal(err)
	}
	r, err := Build(Options{Entry: filepath.Join(dir, "app.ts")})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) > 0 {
		t.Errorf("warnings %v", r.Warnings)
	}
	vm := goja.New()
	got, err := vm.RunString(`(function (module, exports, require) { ` + string(r.Script) + `
		let text; module.exports.main().then((all) => { text = JSON.stringify(all) }, (error) => { text = String(error) }); return () => text
		})(...(() => { const module = { exports: {} }; return [module, module.exports, (name) => { throw Error("no " + name) }] })())`)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := goja.AssertFunction(got)
	answer, _ := text(nil)
	const want = `["browser","0 files","worker",true,"undefined",null,"Error: no fs/promises","Error: no node:fs","Error: no os"]`
	if answer.String() != want {
		t.Errorf("got  %s\nwant %s", answer, want)
	}
}

// The directory that the project lies in must not reach the bytes: continuations name functions by module path.
func TestSameSourcesGiveSameBytesAnywhere(t *testing.T) {
	sources := files("package.json", "{}", "tsconfig.json", `{"compilerOptions": {"paths": {"@lib/*": ["./lib/*"]}, "baseUrl": "."}}`,
		"flows/app.ts", `import { one } from "@lib/one"; import { two } from "../lib/two"; export default () => one + two`,
		"lib/one.ts", "export const one = 1", "lib/two.ts", "export const two = 2; export type Unused = string")
	build := func() *Result {
		dir := t.TempDir()
		if err := os.CopyFS(dir, sources); err != nil {
			t.Fatal(err)
		}
		r, err := Build(Options{Entry: filepath.Join(dir, "flows", "app.ts")})
		if err != nil {
			t.Fatal(err)
		}
		for i, input := range r.Inputs {
			r.Inputs[i] = strings.TrimPrefix(input, dir)
		}
		return r
	}
	first, second := build(), build()
	if !reflect.DeepEqual(first, second) {
		t.Errorf("two builds differ:\n%s\n%s", first.Script, second.Script)
	}
	if first.Entry != "flows/app.ts" || !reflect.DeepEqual(first.Inputs, []string{"/flows/app.ts", "/lib/one.ts", "/lib/two.ts"}) {
		t.Errorf("entry %s, inputs %v", first.Entry, first.Inputs)
	}
}

func TestFilesOnDiskAndInMemoryGiveTheSameScript(t *testing.T) {
	sources := files("package.json", "{}", "app.ts", `import { x } from "./dir"; export default () => x`, "dir/index.ts", "export const x = 'é'")
	dir := t.TempDir()
	if err := os.CopyFS(dir, sources); err != nil {
		t.Fatal(err)
	}
	disk, err := Build(Options{Entry: filepath.Join(dir, "app.ts")})
	if err != nil {
		t.Fatal(err)
	}
	memory, err := Build(Options{Entry: "./app.ts", Files: sources})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(disk.Script, memory.Script) || !bytes.Equal(disk.SourceMap, memory.SourceMap) {
		t.Errorf("disk\n%s%s\nmemory\n%s%s", disk.Script, disk.SourceMap, memory.Script, memory.SourceMap)
	}
}

func TestCheckTopic(t *testing.T) {
	for _, good := range []string{"a", "workflow-resume", "A.b_c-9", strings.Repeat("x", 249)} {
		if err := CheckTopic(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a b", "é", "a/b", strings.Repeat("x", 250)} {
		if CheckTopic(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzBuildNeverPanics(f *testing.F) {
	f.Add("export default async () => 1")
	f.Add("import './x'; export {")
	f.Fuzz(func(t *testing.T, source string) {
		r, err := Build(Options{Entry: "app.ts", Files: files("app.ts", source)})
		var refused *Error
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if err == nil && r.Script == nil {
			t.Fatal("no script")
		}
	})
}

func TestPlainScriptKeepsWhatTheEngineKnows(t *testing.T) {
	sources := files("a.test.ts", `import { test } from "kont/test"; import * as W from "kont"; import { one } from "./one";
class A { #n = one; static async *all() { yield new A().#n } }
test("a", async () => { for await (const n of A.all()) W.output(String(n), "t") })`, "one.ts", `export const one: number = 1`)
	r, err := Build(Options{Entry: "a.test.ts", Files: sources, IsPlain: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := goja.Parse("test.js", string(r.Script), parser.WithDisableSourceMaps); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`__require("kont/test")`, `__require("kont")`, "#n = one", "async () =>"} {
		if !bytes.Contains(r.Script, []byte(want)) {
			t.Errorf("the script has no %q\n%s", want, r.Script)
		}
	}
	for source, want := range map[string]string{
		"import fs from 'node:fs'; fs()": `a.test.ts:1:16: "node:fs" is a module of Node.js: a test has no host access; keep what it needs in a module or a .json file and import that`,
		"await 1":                        "a.test.ts:1:1: top-level `await` is not supported; await in the body of a test",
		"import.meta.url":                "a.test.ts:1:1: `import.meta` is not available; name files relative to the test's",
	} {
		if _, err := Build(Options{Entry: "a.test.ts", Files: files("a.test.ts", source), IsPlain: true}); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", source, err, want)
		}
	}
	if _, err := Build(Options{Entry: "app.ts", Files: files("app.ts", `import { test } from "kont/test"; export default () => test`)}); err == nil || !strings.Contains(err.Error(), `there is no module "kont/test"`) {
		t.Errorf("a workflow imports the test host: %v", err)
	}
}
