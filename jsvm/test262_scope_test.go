package jsvm

import (
	"regexp"

	"kont/jsvm/internal/test262"
)

// test262Dirs are the parts of the suite that are about what the compiler rewrites and what the runtime library replaces. The rest is about goja.
var test262Dirs = []string{
	"language/arguments-object",
	"language/block-scope",
	"language/computed-property-names",
	"language/destructuring",
	"language/expressions",
	"language/function-code",
	"language/identifier-resolution",
	"language/rest-parameters",
	"language/statementList",
	"language/statements",
	"language/types",
	"built-ins/Array/from",
	"built-ins/Array/prototype/concat",
	"built-ins/Array/prototype/entries",
	"built-ins/Array/prototype/fill",
	"built-ins/Array/prototype/flat",
	"built-ins/Array/prototype/join",
	"built-ins/Array/prototype/keys",
	"built-ins/Array/prototype/toLocaleString",
	"built-ins/Array/prototype/toString",
	"built-ins/Array/prototype/values",
	"built-ins/ArrayBuffer",
	"built-ins/ArrayIteratorPrototype",
	"built-ins/AsyncFromSyncIteratorPrototype",
	"built-ins/AsyncFunction",
	"built-ins/AsyncGeneratorFunction",
	"built-ins/AsyncGeneratorPrototype",
	"built-ins/AsyncIteratorPrototype",
	"built-ins/BigInt/asIntN",
	"built-ins/BigInt/asUintN",
	"built-ins/DataView",
	"built-ins/Function/prototype/apply",
	"built-ins/Function/prototype/bind",
	"built-ins/Function/prototype/toString",
	"built-ins/GeneratorFunction",
	"built-ins/GeneratorPrototype",
	"built-ins/IteratorPrototype",
	"built-ins/JSON",
	"built-ins/Map",
	"built-ins/MapIteratorPrototype",
	"built-ins/Object/assign",
	"built-ins/Object/getOwnPropertyDescriptors",
	"built-ins/Object/getOwnPropertySymbols",
	"built-ins/Promise",
	"built-ins/Reflect",
	"built-ins/RegExp/prototype/Symbol.matchAll",
	"built-ins/RegExp/prototype/Symbol.replace",
	"built-ins/RegExpStringIteratorPrototype",
	"built-ins/Set",
	"built-ins/SetIteratorPrototype",
	"built-ins/String/prototype/Symbol.iterator",
	"built-ins/String/prototype/concat",
	"built-ins/String/prototype/matchAll",
	"built-ins/String/prototype/padEnd",
	"built-ins/String/prototype/padStart",
	"built-ins/String/prototype/repeat",
	"built-ins/String/prototype/replace",
	"built-ins/String/prototype/replaceAll",
	"built-ins/StringIteratorPrototype",
	"built-ins/Symbol/asyncIterator",
	"built-ins/TypedArrayConstructors",
	"built-ins/WeakMap",
	"built-ins/WeakSet",
}

// Why a test is not looked at, or not restored. The first group is seen in the test itself:
const (
	outSloppy = "sloppy mode only: workflows are strict code"
	outModule = "a module's imports and exports: the bundler's work, and goja has no modules"
	outRaw    = "no harness, and no directive before it: sloppy mode"
	outHost   = "needs a host object of the suite: other realms, agents, detached buffers"
	outEval   = "direct eval: refused by the compiler"
	outText   = "makes code from text: refused, the test ends by that error"
)

// The second is found by experiment, when a test fails rewritten or restored. Each stands for a run on plain goja that fails too:
const (
	outPlain    = "goja itself fails"
	outFunction = "tests the top level of a script: fails in goja too as the body of a function"
	outBundled  = "changed by the bundler: its output fails in goja too"
	outFrozen   = "not restored: changes intrinsics, which all threads share"
	outPauses   = "not restored: fails in goja too with an await between its statements"
	outProxy    = "not restored: a Proxy cannot be kept"
	outSync     = "not restored: must be refused or throw"
)

var directEval = regexp.MustCompile(`\beval\s*\(`)

// leftOut is the reason for which a test is not run, "" if it is.
func leftOut(test *test262.Test) string {
	switch {
	case test.Has("raw"):
		return outRaw
	case test.Has("module"):
		return outModule
	case test.Has("noStrict"):
		return outSloppy
	case hostObject.MatchString(test.Text) || test.Has("CanBlockIsFalse") || test.Has("CanBlockIsTrue"):
		return outHost
	case directEval.MatchString(test.Text):
		return outEval
	}
	return ""
}

var hostObject = regexp.MustCompile(`\$262\b`)
