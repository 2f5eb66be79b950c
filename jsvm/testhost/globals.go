package testhost

import (
	"fmt"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
)

// globalsText makes what a test file finds: `require`, a console, and timers that say why there are none. Of the workflow library there is only a shade: a
// module of a workflow can be imported for its types, constants and plain functions.
const globalsText = `(function (testModule, testName, workflowNames, line, inspect) {
	const noHost = (name) => function () { throw new Error(name + " is not available in a test: time passes by host.advance"); };
	for (const name of ["setTimeout", "setInterval", "setImmediate"]) globalThis[name] = noHost(name);
	const shade = (name) => {
		const refuse = function () { throw new Error(name + " can be called by a workflow only; a test opens one with workflow(path)"); };
		const handler = { get: (target, key) => typeof key === "symbol" || key in target ? target[key] : key === "__esModule" ? true : shade(name + "." + key) };
		const below = new Proxy(refuse, handler); // the bundler makes an object with the prototype of a module
		return new Proxy(refuse, { ...handler, getPrototypeOf: () => below });
	};
	globalThis.require = (name) => {
		if (name === testName) return testModule;
		if (workflowNames.includes(name)) return shade(name);
		throw new Error("there is no module " + name);
	};
	const console = {};
	for (const name of ["log", "info", "warn", "error", "debug", "trace", "dir", "table"])
		console[name] = (...values) => line(values.map((value) => typeof value === "string" ? value : inspect(value)).join(" "));
	console.assert = (condition, ...values) => { if (!condition) console.error("Assertion failed:", ...values); };
	for (const name of ["group", "groupCollapsed", "groupEnd", "time", "timeEnd", "timeLog", "count", "countReset", "clear"]) console[name] = () => {};
	globalThis.console = console;
	globalThis.queueMicrotask = (callback) => { Promise.resolve().then(callback); };
})`

var globalsProgram = goja.MustCompile(libraryName, globalsText, true)

func (s *script) installGlobals(testModule, inspect goja.Value) error {
	value, err := s.rt.RunProgram(globalsProgram)
	if err != nil {
		return fmt.Errorf("globals of tests: %w", err)
	}
	install, _ := goja.AssertFunction(value)
	line := func(text string) {
		if t := s.test; t != nil && len(t.console) < consoleLinesMax {
			t.console = append(t.console, text)
		} else if t == nil {
			s.loadConsole = append(s.loadConsole, text)
		}
	}
	var names []any
	for _, name := range bundle.ModuleNames {
		names = append(names, name)
	}
	_, err = install(nil, testModule, s.rt.ToValue(bundle.TestModule), s.rt.NewArray(names...), s.rt.ToValue(line), inspect)
	return err
}

// consoleLinesMax bounds the console of a test.
const consoleLinesMax = 10_000
