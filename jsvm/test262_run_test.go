package jsvm

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/parser"

	"kont/jsvm/bundle"
	"kont/jsvm/continuation"
	"kont/jsvm/internal/test262"
)

// conformance runs tests of a suite.
type conformance struct {
	suite    *test262.Suite
	programs sync.Map // harness files compiled for plain goja, by name
	modules  sync.Map // harness files as one module, by the names of the files
}

func newConformance(suite *test262.Suite) *conformance { return &conformance{suite: suite} }

// conformanceResult is what became of a test.
type conformanceResult struct {
	path                       string
	plain, rewritten, restored bool
	category                   string // why it was left out, in all or from restoring
	failure                    string
}

func (r *conformanceResult) stage() string {
	switch {
	case r.failure != "":
		return "failed"
	case r.restored:
		return "restored"
	case r.rewritten:
		return "rewritten"
	}
	return "out"
}

// conformanceWallMax bounds one test, all its runs together.
const conformanceWallMax = 30 * time.Second

// watched runs a test so that neither a panic nor a hang of it ends the others.
func (c *conformance) watched(path string) conformanceResult {
	done := make(chan conformanceResult, 1)
	go func() {
		r := conformanceResult{path: path}
		defer func() {
			if p := recover(); p != nil {
				r.failure = fmt.Sprintf("panic: %v", p)
			}
			done <- r
		}()
		c.run(&r)
	}()
	select {
	case r := <-done:
		return r
	case <-time.After(conformanceWallMax):
		return conformanceResult{path: path, failure: "does not end"}
	}
}

func (c *conformance) run(r *conformanceResult) {
	test, err := c.suite.Read(r.path)
	if err != nil {
		r.failure = err.Error()
		return
	}
	if r.category = leftOut(test); r.category != "" {
		return
	}
	one := &conformanceTest{conformance: c, Test: test}
	err = one.onGoja(one.script())
	r.plain = err == nil
	if !r.plain && !one.isBundlersSyntax(err) {
		r.category = outPlain
		return
	}
	if test.IsEarly() {
		r.category = outSync
		_, err := one.compile(one.Text)
		if r.rewritten = err != nil; !r.rewritten && one.onGoja(one.body(false)) == nil {
			r.failure = "is not refused"
		} else if !r.rewritten {
			r.category = outFunction
		}
		return
	}
	one.rewritten(r)
	if r.rewritten && r.category == "" {
		one.restored(r)
	}
}

type conformanceTest struct {
	*conformance
	*test262.Test
}

// isBundlersSyntax: goja can't parse the test, but may run what the bundler makes of it.
func (t *conformanceTest) isBundlersSyntax(err error) bool {
	var thrown *thrownError
	return errors.As(err, &thrown) && thrown.isEarly && !t.IsEarly()
}

// thrownError is what a test threw, or an error of parsing it.
type thrownError struct {
	name, text string
	isEarly    bool
}

func (e *thrownError) Error() string { return e.text }

// judge says whether a run ended as its test wants.
func (t *conformanceTest) judge(err error) error {
	if t.Negative == nil {
		return err
	}
	if err == nil {
		return fmt.Errorf("nothing was thrown, wants %s", t.Negative.Type)
	}
	var thrown *thrownError
	if errors.As(err, &thrown) && thrown.name == t.Negative.Type && thrown.isEarly == t.IsEarly() {
		return nil
	}
	return fmt.Errorf("wants %s: %w", t.Negative.Type, err)
}

// script is the test as a script in strict mode.
func (t *conformanceTest) script() string { return "\"use strict\";\n" + t.Text }

// body is the test as a function's body in a script.
func (t *conformanceTest) body(pauses bool) string {
	if pauses {
		text, _ := t.paused()
		return "\"use strict\";\n(async function main() {\n" + text + "\n})().then($DONE, $DONE);"
	}
	return "\"use strict\";\n(function main() {\n" + t.Text + "\n})();"
}

// onGoja runs a script on plain goja, after the harness.
func (t *conformanceTest) onGoja(script string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("goja panics: %v", p)
		}
	}()
	rt := goja.New()
	defer interruptLater(rt)()
	rt.SetMaxCallStackSize(CallDepthMaxDefault)
	// With pauses, the end of the test is told by the same function.
	end := endOf{isAsync: t.Has("async") || strings.HasSuffix(script, ".then($DONE, $DONE);")}
	_ = rt.Set("$DONE", end.done)
	for _, name := range t.harnessFiles() {
		program, err := t.harnessProgram(name)
		if err != nil {
			return err
		}
		if _, err := rt.RunProgram(program); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	program, err := goja.Compile(t.Path, script, false)
	if err != nil {
		return t.judge(&thrownError{name: earlyName(err), text: err.Error(), isEarly: true})
	}
	_, err = rt.RunProgram(program)
	return t.judge(end.result(thrown(err)))
}

// freezeIntrinsics does what newVM does: see harden.go.
const freezeIntrinsics = `(function () {
	const seen = new Set(), roots = [globalThis.Object, globalThis.Function, Array, String, Number, Boolean, Symbol, BigInt, Math, JSON, Reflect, Date, RegExp, Map, Set, WeakMap, WeakSet, Promise,
		Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError, ArrayBuffer, DataView, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array,
		[][Symbol.iterator](), new Map()[Symbol.iterator](), new Set()[Symbol.iterator](), ""[Symbol.iterator](), "".matchAll(/x/g), (function* () {})(), function* () {}, async function () {}];
	const freeze = (o) => {
		if ((typeof o !== "object" && typeof o !== "function") || o === null || o === globalThis || seen.has(o)) return;
		seen.add(o);
		for (const k of Reflect.ownKeys(o)) {
			const d = Reflect.getOwnPropertyDescriptor(o, k);
			freeze(d.value); freeze(d.get); freeze(d.set);
		}
		freeze(Object.getPrototypeOf(o));
	};
	roots.forEach(freeze);
	const override = ["constructor", "toString", "toLocaleString", "valueOf", "toJSON", "name", "message", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "then", "next", "call", "apply", "bind"];
	const define = Object.defineProperty, own = Object.prototype.hasOwnProperty, has = Function.prototype.call.bind(own);
	seen.forEach((o) => override.forEach((k) => {
		const d = Reflect.getOwnPropertyDescriptor(o, k);
		if (!d || !d.configurable || !("value" in d) || typeof o === "function") return;
		define(o, k, {get() { return d.value }, set(v) {
			if (this === o) throw new TypeError("frozen");
			if (has(this, k)) this[k] = v; else define(this, k, {value: v, writable: true, enumerable: true, configurable: true});
		}});
	}));
	seen.forEach(Object.freeze);
	Object.preventExtensions(globalThis);
})()`

// endOf is how a test ends on plain goja.
type endOf struct {
	isAsync bool
	calls   []goja.Value
}

func (e *endOf) done(failure goja.Value) { e.calls = append(e.calls, failure) }

func (e *endOf) result(err error) error {
	switch {
	case err != nil || !e.isAsync:
		return err
	case len(e.calls) != 1:
		return fmt.Errorf("$DONE was called %d times", len(e.calls))
	case e.calls[0] != nil && e.calls[0].ToBoolean():
		return thrownOf(e.calls[0])
	}
	return nil
}

func thrownOf(value goja.Value) error {
	text := value.String()
	name, _, _ := strings.Cut(text, ":")
	return &thrownError{name: name, text: text}
}

func thrown(err error) error {
	var exception *goja.Exception
	if errors.As(err, &exception) {
		return thrownOf(exception.Value())
	}
	return err
}

func earlyName(err error) string {
	if strings.HasPrefix(err.Error(), "ReferenceError") {
		return "ReferenceError"
	}
	return "SyntaxError"
}

// interruptLater ends a run that takes too long; call the result when it has ended.
func interruptLater(rt *goja.Runtime) (stop func()) {
	timer := time.AfterFunc(conformanceWallMax/4, func() { rt.Interrupt("the test takes too long") })
	return func() { timer.Stop() }
}

func (t *conformanceTest) harnessFiles() []string {
	return append([]string{"assert.js", "sta.js"}, t.Includes...)
}

func (c *conformance) harnessProgram(name string) (*goja.Program, error) {
	if program, ok := c.programs.Load(name); ok {
		return program.(*goja.Program), nil
	}
	text, err := c.suite.Harness(name)
	if err != nil {
		return nil, err
	}
	program, err := goja.Compile(name, text, false)
	if err != nil {
		return nil, fmt.Errorf("harness: %w", err)
	}
	c.programs.Store(name, program)
	return program, nil
}

// harnessModule is the harness as a module below node_modules: its objects are left unfrozen, as they are in the suite.
type harnessModule struct {
	text  string
	names []string
}

const harnessEnd = `
export function $DONE(failure) {
	console.log(failure ? "failed: " + (failure instanceof Error || failure instanceof Test262Error ? failure.toString() : String(failure)) : "done");
}
`

func (t *conformanceTest) harnessModule() (*harnessModule, error) {
	files := t.harnessFiles()
	key := strings.Join(files, " ")
	if m, ok := t.modules.Load(key); ok {
		return m.(*harnessModule), nil
	}
	m := &harnessModule{names: []string{"$DONE"}}
	for _, name := range files {
		text, err := t.suite.Harness(name)
		if err != nil {
			return nil, err
		}
		program, err := parser.ParseFile(nil, name, text, 0, parser.WithDisableSourceMaps)
		if err != nil {
			return nil, fmt.Errorf("harness: %w", err)
		}
		m.text += text + "\n"
		m.names = append(m.names, declaredNames(program)...)
	}
	m.text += harnessEnd + "export {" + strings.Join(m.names[1:], ", ") + "};\n"
	t.modules.Store(key, m)
	return m, nil
}

// declaredNames are the names that a script declares at its top.
func declaredNames(program *ast.Program) []string {
	seen := map[string]bool{}
	var names []string
	add := func(target ast.Node) {
		if id, ok := target.(*ast.Identifier); ok && !seen[id.Name.String()] {
			seen[id.Name.String()] = true
			names = append(names, id.Name.String())
		}
	}
	for _, s := range program.Body {
		switch s := s.(type) {
		case *ast.FunctionDeclaration:
			add(s.Function.Name)
		case *ast.ClassDeclaration:
			add(s.Class.Name)
		case *ast.VariableStatement:
			for _, b := range s.List {
				add(b.Target)
			}
		case *ast.LexicalDeclaration:
			for _, b := range s.List {
				add(b.Target)
			}
		}
	}
	return names
}

// bundled is the test as a workflow's entry function, bundled.
func (t *conformanceTest) bundled(head, body string) (*bundle.Result, error) {
	m, err := t.harnessModule()
	if err != nil {
		return nil, err
	}
	var used []string
	for _, name := range m.names {
		if name == "$DONE" || regexp.MustCompile(`(^|[^\w$.])`+regexp.QuoteMeta(name)+`($|[^\w$])`).MatchString(body) {
			used = append(used, name)
		}
	}
	text := "import {" + strings.Join(used, ", ") + "} from \"harness\";\nexport default " + head + " {\n" + body + "\n}\n"
	return bundle.Build(bundle.Options{Entry: "test.js", Files: fstest.MapFS{
		"test.js": {Data: []byte(text)}, "node_modules/harness/index.js": {Data: []byte(m.text)}}})
}

// entry is the text of the entry function. A test that is not asynchronous tells that its end was reached.
func (t *conformanceTest) entry(pauses bool) (head, body string) {
	head, body = "function main()", t.Text
	if pauses {
		head = "async function main()"
		body, _ = t.paused()
	}
	if !t.Has("async") {
		body += "\n;$DONE();"
	}
	return head, body
}

func (t *conformanceTest) compile(string) (*Bundle, error) { return t.compileEntry(t.entry(false)) }

func (t *conformanceTest) compileEntry(head, body string) (*Bundle, error) {
	built, err := t.bundled(head, body)
	if err != nil {
		return nil, err
	}
	b := &Bundle{script: built.Script, sourceMap: built.SourceMap, entry: built.Entry, export: built.Export, modules: built.Modules,
		dictionary: &continuation.Dictionary{}}
	if err := b.compile(); err != nil {
		return nil, err
	}
	b.seal()
	return b, nil
}

// paused is the test with an await before each of its statements, so that what it has made until then is saved and restored. Function
// declarations and what stands before the first statement are left as they are.
func (t *conformanceTest) paused() (text string, pauses int) {
	program, err := parser.ParseFile(nil, "test.js", "async function main() {\n"+t.Text+"\n}", 0, parser.WithDisableSourceMaps)
	if err != nil {
		return t.Text, 0
	}
	main, ok := program.Body[0].(*ast.FunctionDeclaration)
	if !ok {
		return t.Text, 0
	}
	offset := program.File.Base() + len("async function main() {\n")
	text = t.Text
	list := main.Function.Body.List
	for i := len(list) - 1; i > 0; i-- {
		if _, isFunction := list[i].(*ast.FunctionDeclaration); isFunction {
			continue
		}
		at := int(list[i].Idx0()) - offset
		// An expression in parentheses begins after them, as goja counts.
		for at > 0 && strings.ContainsRune("( \t\n", rune(text[at-1])) {
			at--
		}
		if at < 0 || at > len(text) {
			continue
		}
		with := text[:at] + "\nawait null; " + text[at:]
		if _, err := parser.ParseFile(nil, "test.js", "async function main() {\n"+with+"\n}", 0, parser.WithDisableSourceMaps); err == nil {
			text, pauses = with, pauses+1
		}
	}
	return text, pauses
}
