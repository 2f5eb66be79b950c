package jsvm

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
	"kont/jsvm/continuation"
)

const mainText = "\nexport default async function main() {}\n"

// sources makes a project of an app.ts and of name, text pairs.
func sources(app string, pairs ...string) fstest.MapFS {
	files := mapFile("app.ts", app)
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

func refusalOf(t *testing.T, files fstest.MapFS) string {
	t.Helper()
	_, err := Compile(context.Background(), CompileOptions{Entry: "app.ts", Files: files})
	var refused *CompileError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v", err)
	}
	return refused.Error()
}

// Every refusal has a place in the author's source, says what is wrong there, and what to do.
func TestRefusalsHaveAPlaceAndANextStep(t *testing.T) {
	const entry = "; write `export default async function main(event) { … }`"
	const manifest = "; write `export const manifest = { outputTopics: [\"a-topic\"] }`"
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"empty":            {sources(""), "app.ts:1:1: no entry function: the file is empty" + entry},
		"types only":       {sources("interface A { a: string }\nexport type B = A"), "app.ts:1:1: no entry function: the file exports no value (types are none)" + entry},
		"no entry":         {sources("export const manifest = {};\nexport const other = 1;"), "app.ts:1:25: no entry function: the file exports manifest, other, but neither `default` nor `main`" + entry},
		"main unexported":  {sources("const x = 1;\nasync function main() {}\nconsole.log(x);"), "app.ts:2:1: no entry function: `main` is not exported; write `export` before it"},
		"main alone":       {sources("\nconst main = () => 1;"), "app.ts:2:1: no entry function: `main` is not exported; write `export` before it"},
		"CommonJS exports": {sources("const a = 1;\nmodule.exports = { a };"), "app.ts:2:18: no entry function: the file exports a, but neither `default` nor `main`" + entry},
		"default":          {sources("\nexport default 5;"), "app.ts:2:16: the export `default` is a number, not a function" + entry},
		"default object":   {sources("export default { main() {} };"), "app.ts:1:16: the export `default` is an object, not a function" + entry},
		"main":             {sources("export const main = 'x';"), "app.ts:1:21: the export `main` is a string, not a function" + entry},
		"CommonJS main":    {sources("exports.main = null;"), "app.ts:1:16: the export `main` is null, not a function" + entry},
		"from elsewhere":   {sources("export { f as default } from './x';", "x.ts", "\nexport const f = true;"), "x.ts:2:18: the export `default` is a boolean, not a function" + entry},

		"manifest":           {sources("export const manifest = 5;" + mainText), "app.ts:1:25: the export `manifest` is a number, not an object" + manifest},
		"topics":             {sources("export const manifest = {\n  outputTopics: 5 };" + mainText), "app.ts:2:17: manifest.outputTopics is a number, not an array of topic names" + manifest},
		"topic of no text":   {sources("export const manifest = { outputTopics: ['a',\n  3] };" + mainText), "app.ts:2:3: manifest.outputTopics[1] is a number, not the name of a topic" + manifest},
		"frozen manifest":    {sources("const topics = ['a', {}];\nexport const manifest = Object.freeze({ outputTopics: topics });" + mainText), "app.ts:1:22: manifest.outputTopics[1] is an object, not the name of a topic" + manifest},
		"computed topics":    {sources("export const manifest = { outputTopics: [1].map((x) => x) };" + mainText), "app.ts:1:41: manifest.outputTopics[0] is a number, not the name of a topic" + manifest},
		"topic name":         {sources("export const manifest = { outputTopics: ['good',\n  'a b'] };" + mainText), "app.ts:2:3: topic \"a b\": character ' ' is not allowed; use letters, digits, '.', '_', '-'"},
		"empty topic name":   {sources("export const manifest = { outputTopics: [''] };" + mainText), "app.ts:1:42: a topic name is empty; rename it"},
		"two topic names":    {sources("export const manifest = { outputTopics: ['a b',\n'..'] };" + mainText), "app.ts:2:1: topic \"..\": the name is reserved; rename it\napp.ts:1:42: topic \"a b\": character ' ' is not allowed; use letters, digits, '.', '_', '-'"},
		"topic of CommonJS":  {sources("exports.manifest = { outputTopics: ['a b'] };\nexports.main = () => 1;"), "app.ts:1:37: topic \"a b\": character ' ' is not allowed; use letters, digits, '.', '_', '-'"},
		"added topic":        {sources("import * as W from 'kont';\nW.config.outputTopics.add('a b');" + mainText), "app.ts:2:27: topic \"a b\": character ' ' is not allowed; use letters, digits, '.', '_', '-'"},
		"result topic":       {sources("import * as W from 'kont';\nW.config.resultTopic = 'a b';" + mainText), "app.ts:2:24: topic \"a b\": character ' ' is not allowed; use letters, digits, '.', '_', '-'"},
		"error topic":        {sources("import { config } from 'kont';\nconfig.errorTopic = 5 as any;" + mainText), "app.ts:2:21: W.config.errorTopic is a number, not the name of a topic; assign a string"},
		"regexp nested":      {sources("export default () => /" + strings.Repeat("(", 4e5) + strings.Repeat(")", 4e5) + "\\1/"), "app.ts:1:22: groups of the regular expression are nested too deeply; use groups in a row"},
		"regexp flag d":      {sources("const x = 1;\nexport default () => /a(b)/d.exec('ab')"), "app.ts:2:22: the flag `d` of regular expressions is not supported: the engine does not tell where groups are; use `index` and the lengths of the groups"},
		"regexp sets":        {sources("export default () => /[a--b]/v"), "app.ts:1:22: set notation in regular expressions (flag `v`) is not supported; write the class out, with the flag `u`"},
		"regexp property":    {sources("export default () => /\\p{Emoji}/u"), "app.ts:1:22: the Unicode property \"Emoji\" of a regular expression is not known; list the characters, as in [a-z]"},
		"top-level await":    {sources("const x = await 1;" + mainText), "app.ts:1:11: top-level `await` is not supported: module code runs at every load, not once a thread; await inside the entry function"},
		"import.meta":        {sources("export default () => import.meta.url;"), "app.ts:1:22: `import.meta` is not available: a workflow has no files; pass what you need in the start event"},
		"missing file":       {sources("import x from './nowhere';\nexport default () => x;"), "app.ts:1:15: there is no file \"./nowhere\"; the path is relative to this file; .ts, .tsx, .js, .jsx, .mjs, .cjs and .json can be left out"},
		"missing package":    {sources("import x from '@a/b/c';\nexport default () => x;"), "app.ts:1:15: there is no package or file \"@a/b/c\" in node_modules; install it with `npm install @a/b`, or begin the path of a file of your own with ./"},
		"part of kont":       {sources("import x from 'kont/sub';\nexport default () => x;"), "app.ts:1:15: there is no module \"kont/sub\"; import from \"kont\""},
		"missing export":     {sources("import { x } from './x';\nexport default () => x;", "x.ts", "export const y = 1;"), "app.ts:1:10: x.ts exports no `x`; export it there, or import another name; a type is imported with `import type`"},
		"two entries":        {sources("export default () => 1;\nexport default () => 2;"), "app.ts:2:8: Multiple exports with the same name \"default\"; keep one of them"},
		"JSON":               {sources("import x from './x.json';\nexport default () => x;", "x.json", "{\n  b: 2 }"), "x.json:2:3: Expected string in JSON but found \"b\""},
		"UTF-16 columns":     {sources("export default () => { '😀é'; let x = ; };"), "app.ts:1:39: Unexpected \";\""},
		"byte order mark":    {sources("\ufefflet x = ;"), "app.ts:1:9: Unexpected \";\""},
		"CRLF":               {sources("export default () => {\r\n\tlet x = ;\r\n};"), "app.ts:2:10: Unexpected \";\""},
		"throws":             {sources("const a = 1;\nfunction f() { throw new Error('at once'); }\nf();" + mainText), "app.ts:2:22: while the module loaded: Error: at once; " + hintModuleCode},
		"too deep":           {sources("function f() {\n  f();\n}\nf();" + mainText), "app.ts:2:3: while the module loaded: too many nested calls; " + hintModuleCode},
		"writes":             {sources("import * as W from 'kont';\nW.output('a', 'b');" + mainText), "app.ts:2:3: while the module loaded: Error: no thread runs while the bundle loads: write records in the entry function"},
		"waits":              {sources("(async () => {\n  await new Promise(() => {});\n})();" + mainText), "app.ts:2:3: module code waits for something that no event can settle; await it in the entry function"},
		"undeclared at load": {sources("\nfoo();" + mainText), "app.ts:2:1: while the module loaded: ReferenceError: foo is not defined; " + hintModuleCode},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refusalOf(t, test.files); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestStyleSheetsAreRefusedAtTheirImport(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "package.json", "{}")
	save(t, dir, "src/app.ts", "import './lib/page';"+mainText)
	save(t, dir, "src/lib/page.ts", "\nimport '../x.css';")
	save(t, dir, "src/x.css", "a { color: red }")
	_, err := Compile(context.Background(), CompileOptions{Entry: dir + "/src/app.ts"})
	const want = "src/lib/page.ts:2:8: x.css cannot be imported: a workflow has no page to style; remove the import"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	save(t, dir, "src/x.png", "")
	save(t, dir, "src/lib/page.ts", "import '../x.png';")
	_, err = Compile(context.Background(), CompileOptions{Entry: dir + "/src/app.ts"})
	const wantPicture = "src/lib/page.ts:1:8: src/x.png cannot be imported: .png is no kind of source; import TypeScript, JavaScript, .json or .txt; other data comes in an event"
	if err == nil || err.Error() != wantPicture {
		t.Errorf("got %v, want %s", err, wantPicture)
	}
}

func TestImportsOfUnknownNamesAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"none near":    {sources("import { ref, nope } from 'kont';\nexport default () => [ref, nope];"), "app.ts:1:15: the module \"kont\" exports no `nope`; it exports CancelToken, "},
		"near":         {sources("import {\n  outputJson as o } from '@effectful/kafka-workflow-rt';\nexport default () => o;"), "app.ts:2:3: the module \"@effectful/kafka-workflow-rt\" exports no `outputJson`; did you mean `outputJSON`?"},
		"default":      {sources("import W from 'kont';\nexport default () => W.ref();"), "app.ts:1:8: the module \"kont\" has no default export; write `import * as W from \"kont\"`"},
		"re-exported":  {sources("export { nope } from 'kont';" + mainText), "app.ts:1:10: the module \"kont\" exports no `nope`; "},
		"in a comment": {sources("import './x';"+mainText, "x.ts", "// import { nope } from 'kont'\nimport { nope } from 'kont';\nnope();"), "x.ts:2:10: the module \"kont\" exports no `nope`; "},
		"in a cycle":   {sources("import { a } from './b';\nimport { zzz } from 'kont';\nexport const c = 1;\nexport default () => [a, zzz];", "b.ts", "const { c } = require('./app');\nexport const a = () => c;"), "app.ts:2:10: the module \"kont\" exports no `zzz`; "},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refusalOf(t, test.files); !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	for name, app := range map[string]string{
		"all names":     "import * as W from 'kont';\nexport default () => (W as any).nope;",
		"a likely name": "import * as import_kont from 'kont';\nexport default () => (import_kont as any).nope;",
		"a type":        "import { Inbox, inbox } from 'kont';\nexport default () => { const box: Inbox<string> = inbox('a'); return box.size; };",
		"CommonJS":      "const { nope } = require('kont');\nexports.main = () => nope;",
	} {
		t.Run(name, func(t *testing.T) { compileText(t, app) })
	}
}

// A stored bundle may import what the library has no more.
func TestStoredBundlesAreNotCheckedForNames(t *testing.T) {
	b := bundled(t, "import { nope } from 'kont';\nexport default () => nope;")
	if err := b.compile(); err != nil {
		t.Error(err)
	}
}

// bundled is a bundle before it is compiled and loaded.
func bundled(t *testing.T, app string) *Bundle {
	t.Helper()
	built, err := bundle.Build(bundle.Options{Entry: "app.ts", Files: sources(app)})
	if err != nil {
		t.Fatal(err)
	}
	return &Bundle{script: built.Script, sourceMap: built.SourceMap, entry: built.Entry, export: built.Export, modules: built.Modules, dictionary: &continuation.Dictionary{}}
}

func TestLoadThatDoesNotEndSaysWhere(t *testing.T) {
	for app, want := range map[string]string{
		"let n = 0;\n\nfor (;;) {}" + mainText:                        "app.ts:3:1: ",
		"function f() {\n  while (true) ;\n}\nf();" + mainText:        "app.ts:2:3: ",
		"let n = 0;\nfor (;;) {\n  n++;\n}" + mainText:                "app.ts:3:3: ",
		"const f = () => {\n  do { } while (1);\n};\nf();" + mainText: "app.ts:2:3: ",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			b := bundled(t, app)
			if err := b.compile(); err != nil {
				t.Fatal(err)
			}
			want += "while the module loaded: it ran for T, at most L; " + hintModuleCode
			got := ""
			for wall := 500 * time.Millisecond; got != want && wall < wallsMax; wall *= 2 { // the library loads meanwhile
				rt := goja.New()
				w := newWatch(rt, Limits{StepWall: wall}.withDefaults())
				w.start(context.Background(), time.Now())
				_, err := newVM(b, rt, Limits{}.withDefaults())
				w.stop()
				got = withoutDurations(b.loadError(err).Error())
			}
			if got != want {
				t.Errorf("%s\ngot  %s\nwant %s", app, got, want)
			}
		})
	}
}

func TestTopicsOfResultsAndErrorsAreOutputTopics(t *testing.T) {
	b := compileText(t, `import * as W from "kont";
		export const manifest = { outputTopics: ["orders"] };
		W.config.resultTopic = "done"; W.config.errorTopic = "orders"; W.config.outputTopics.add("more");`+mainText)
	if got := b.OutputTopics(); !slices.Equal(got, []string{"done", "more", "orders"}) {
		t.Errorf("topics %q", got)
	}
	decoded, err := DecodeBundle(b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if got := decoded.OutputTopics(); !slices.Equal(got, b.OutputTopics()) {
		t.Errorf("decoded topics %q", got)
	}
	if got := compileText(t, `import * as W from "kont"; W.config.resultTopic = "workflow-result";`+mainText).OutputTopics(); len(got) != 0 {
		t.Errorf("topics %q", got)
	}
}

// A fault tells each call once, at its place: of the call, not of its arguments; of the loop, not of what ran before.
func TestFaultsTellTheCallsOfTheAuthor(t *testing.T) {
	const undeclared = `Error: output topic "nope" is not declared: add it to manifest.outputTopics`
	faults := map[string]string{
		"import * as W from 'kont';\nexport default async function main() {\n  W.output('x', 'nope');\n}":                                              undeclared + "\n\tat main (app.ts:3:5)",
		"import * as W from 'kont';\nexport default async function main() {\n  await null;\n  W.output('x', 'nope');\n}":                               undeclared + "\n\tat main (app.ts:4:5)",
		"import { output } from 'kont';\nfunction send(t: string) {\n  output('x', t);\n}\nexport default async function main() {\n  send('nope');\n}": undeclared + "\n\tat send (app.ts:3:3)\n\tat main (app.ts:6:3)",
		"import { output } from 'kont';\nexport default async function main(n: number) {\n  if (n > 0) return main(n - 1);\n  output('x', 'nope');\n}": undeclared + "\n\tat main (app.ts:4:3)\n\tat main (app.ts:3:21)\n\tat main (app.ts:3:21)",
		"export default async function main() {\n  let n = 0;\n  for (;;) {}\n}":                                                                       "step ran for T, at most L\n\tat main (app.ts:3:3)",
		"export default async function main() {\n  await null;\n  while (true) ;\n}":                                                                   "step ran for T, at most L\n\tat main (app.ts:3:3)",
		"function work() {\n  let n = 0;\n\n  for (;;) {}\n}\nexport default async function main() {\n  work();\n}":                                    "step ran for T, at most L\n\tat work (app.ts:4:3)\n\tat main (app.ts:7:3)",
	}
	for _, app := range slices.Sorted(maps.Keys(faults)) {
		isWanted := func(f *Fault) bool { return withoutDurations(f.Error()) == faults[app] }
		if f := faultOfStart(t, compileText(t, app), PoolOptions{}, "2", isWanted); !isWanted(f) {
			t.Errorf("%s\ngot  %v\nwant %s", app, f, faults[app])
		}
	}
}

func TestEventsThatAreNoJSONAreExplained(t *testing.T) {
	p := NewPool(compileText(t, mainText), PoolOptions{})
	defer p.Close()
	for event, want := range map[string]string{
		"{bad":  "unmatched event: the start argument: it is no JSON: invalid character 'b' looking for beginning of object key string, at byte 2",
		"":      "unmatched event: the start argument: it is no JSON, it is empty",
		`{"a":`: "unmatched event: the start argument: it is no JSON: unexpected end of JSON input, at byte 5",
		"1 2":   "unmatched event: the start argument: it is no JSON: invalid character '2' after top-level value, at byte 3",
	} {
		_, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte(event)})
		if !errors.Is(err, ErrUnmatched) || err.Error() != want {
			t.Errorf("%q: got %v, want %s", event, err, want)
		}
	}
}

func TestRejectionWhileLoadingIsAWarning(t *testing.T) {
	b := compileText(t, "import * as W from 'kont';\n(async () => { await W.ref('x'); })();"+mainText)
	const want = "app.ts:2:24: while the modules loaded: unhandled rejection while the bundle loads: Error: no thread runs while the bundle loads: make refs in the entry function"
	if got := b.Warnings(); len(got) != 1 || got[0].String() != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// save writes a file below dir.
func save(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
