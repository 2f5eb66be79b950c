package jsvm

import (
	"fmt"

	"github.com/dop251/goja"
)

// natives are the engine's own functions that the codec calls. They are taken from a fresh
// runtime before any library or user code can replace or patch them.
type natives struct {
	functionToString         goja.Callable
	ownKeys                  goja.Callable
	getOwnPropertyDescriptor goja.Callable
	defineProperty           goja.Callable
	isExtensible             goja.Callable
	preventExtensions        goja.Callable
	isFrozen, freeze         goja.Callable
	isSealed, seal           goja.Callable
	hasOwn                   goja.Callable
	symbolFor, symbolKeyFor  goja.Callable
	symbolDescription        goja.Callable
	newSymbol                goja.Callable
	mapForEach, mapSet       goja.Callable
	setForEach, setAdd       goja.Callable
	dateValue                goja.Callable
	regexpSource             goja.Callable
	regexpFlags              goja.Callable
	typedBuffer              goja.Callable
	typedOffset, typedLength goja.Callable
	typedTag                 goja.Callable
	viewBuffer               goja.Callable
	viewOffset, viewLength   goja.Callable
	unboxSymbol, unboxBigInt goja.Callable
	unboxNumber, unboxString goja.Callable
	unboxBoolean             goja.Callable
	box                      goja.Callable
	makeArguments            goja.Callable
	makeArray                goja.Callable
	jsonParse                goja.Callable
	jsonStringify            goja.Callable
	newMap, newSet           goja.Callable
	within                   goja.Callable // calls its argument: see vm.within

	date, regexp, error *goja.Object
	constructors        map[string]*goja.Object // typed arrays and DataView
	wellKnown           map[*goja.Symbol]string
	wellKnownByName     map[string]*goja.Symbol

	objectPrototype, functionPrototype, arrayPrototype *goja.Object
	errorPrototype, mapPrototype, setPrototype         *goja.Object
	datePrototype, regexpPrototype                     *goja.Object
	dataViewPrototype, bufferPrototype                 *goja.Object
	// opaque prototypes belong to native objects whose state cannot be read; an object that
	// inherits from one of them is refused.
	opaque map[*goja.Object]string
}

const nativesSource = `(function () { "use strict";
const getter = (proto, key) => Reflect.getOwnPropertyDescriptor(proto, key).get;
const typed = Object.getPrototypeOf(Uint8Array.prototype);
const generator = Object.getPrototypeOf(function* () {}).prototype;
return {
	functionToString: Function.prototype.toString, ownKeys: Reflect.ownKeys,
	getOwnPropertyDescriptor: Object.getOwnPropertyDescriptor, defineProperty: Object.defineProperty,
	isExtensible: Object.isExtensible, preventExtensions: Object.preventExtensions, isFrozen: Object.isFrozen, freeze: Object.freeze,
	isSealed: Object.isSealed, seal: Object.seal, hasOwn: Object.hasOwn,
	symbolFor: Symbol.for, symbolKeyFor: Symbol.keyFor,
	symbolDescription: getter(Symbol.prototype, "description"), newSymbol: Symbol,
	mapForEach: Map.prototype.forEach, mapSet: Map.prototype.set, setForEach: Set.prototype.forEach, setAdd: Set.prototype.add,
	dateValue: Date.prototype.getTime, regexpSource: getter(RegExp.prototype, "source"), regexpFlags: getter(RegExp.prototype, "flags"),
	typedBuffer: getter(typed, "buffer"), typedOffset: getter(typed, "byteOffset"), typedLength: getter(typed, "length"),
	typedTag: getter(typed, Symbol.toStringTag),
	viewBuffer: getter(DataView.prototype, "buffer"), viewOffset: getter(DataView.prototype, "byteOffset"),
	viewLength: getter(DataView.prototype, "byteLength"),
	unboxSymbol: Symbol.prototype.valueOf, unboxBigInt: BigInt.prototype.valueOf, unboxNumber: Number.prototype.valueOf,
	unboxString: String.prototype.valueOf, unboxBoolean: Boolean.prototype.valueOf, box: Object,
	makeArguments: function () { return arguments; }, makeArray: Array, jsonParse: JSON.parse, jsonStringify: JSON.stringify,
	within: (body) => body(), newMap: ((M) => () => new M())(Map), newSet: ((S) => () => new S())(Set),
	date: Date, regexp: RegExp, error: Error,
	constructors: { ArrayBuffer, DataView, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array,
		Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array },
	opaque: { "WeakMap": WeakMap.prototype, "WeakSet": WeakSet.prototype, "native Promise": Promise.prototype, "native generator": generator,
		"native array iterator": Object.getPrototypeOf([][Symbol.iterator]()), "native Map iterator": Object.getPrototypeOf(new Map().entries()),
		"native Set iterator": Object.getPrototypeOf(new Set().values()), "native string iterator": Object.getPrototypeOf(""[Symbol.iterator]()),
		"native RegExp string iterator": Object.getPrototypeOf("".matchAll(/x/g)) },
};
})()`

var nativesProgram = goja.MustCompile("natives.js", nativesSource, true)

// takeNatives reads the natives of a runtime in which nothing has run yet.
func takeNatives(rt *goja.Runtime) (*natives, error) {
	v, err := rt.RunProgram(nativesProgram)
	if err != nil {
		return nil, fmt.Errorf("take natives: %w", err)
	}
	table := v.(*goja.Object)
	n := &natives{}
	for name, field := range map[string]*goja.Callable{
		"functionToString": &n.functionToString, "ownKeys": &n.ownKeys, "getOwnPropertyDescriptor": &n.getOwnPropertyDescriptor,
		"defineProperty": &n.defineProperty, "isExtensible": &n.isExtensible, "preventExtensions": &n.preventExtensions,
		"isFrozen": &n.isFrozen, "freeze": &n.freeze, "isSealed": &n.isSealed, "seal": &n.seal, "hasOwn": &n.hasOwn,
		"symbolFor": &n.symbolFor, "symbolKeyFor": &n.symbolKeyFor,
		"symbolDescription": &n.symbolDescription, "newSymbol": &n.newSymbol, "mapForEach": &n.mapForEach, "mapSet": &n.mapSet,
		"setForEach": &n.setForEach, "setAdd": &n.setAdd, "dateValue": &n.dateValue, "regexpSource": &n.regexpSource,
		"regexpFlags": &n.regexpFlags, "typedBuffer": &n.typedBuffer, "typedOffset": &n.typedOffset, "typedLength": &n.typedLength,
		"typedTag": &n.typedTag, "viewBuffer": &n.viewBuffer, "viewOffset": &n.viewOffset, "viewLength": &n.viewLength,
		"unboxSymbol": &n.unboxSymbol, "unboxBigInt": &n.unboxBigInt, "unboxNumber": &n.unboxNumber, "unboxString": &n.unboxString,
		"unboxBoolean": &n.unboxBoolean, "box": &n.box, "makeArguments": &n.makeArguments, "makeArray": &n.makeArray,
		"jsonParse": &n.jsonParse, "jsonStringify": &n.jsonStringify, "newMap": &n.newMap, "newSet": &n.newSet, "within": &n.within,
	} {
		f, ok := goja.AssertFunction(table.Get(name))
		if !ok {
			return nil, fmt.Errorf("take natives: no function %s", name)
		}
		*field = f
	}
	n.date, n.regexp, n.error = table.Get("date").(*goja.Object), table.Get("regexp").(*goja.Object), table.Get("error").(*goja.Object)
	prototypeOf := func(name string) *goja.Object {
		return rt.GlobalObject().Get(name).(*goja.Object).Get("prototype").(*goja.Object)
	}
	n.objectPrototype, n.functionPrototype, n.arrayPrototype = prototypeOf("Object"), prototypeOf("Function"), prototypeOf("Array")
	n.errorPrototype, n.mapPrototype, n.setPrototype = prototypeOf("Error"), prototypeOf("Map"), prototypeOf("Set")
	n.datePrototype, n.regexpPrototype = prototypeOf("Date"), prototypeOf("RegExp")
	n.dataViewPrototype, n.bufferPrototype = prototypeOf("DataView"), prototypeOf("ArrayBuffer")
	n.constructors = map[string]*goja.Object{}
	constructors := table.Get("constructors").(*goja.Object)
	for _, name := range constructors.GetOwnPropertyNames() {
		n.constructors[name] = constructors.Get(name).(*goja.Object)
	}
	n.opaque = map[*goja.Object]string{}
	opaque := table.Get("opaque").(*goja.Object)
	for _, name := range opaque.GetOwnPropertyNames() {
		n.opaque[opaque.Get(name).(*goja.Object)] = name
	}
	n.wellKnown, n.wellKnownByName = map[*goja.Symbol]string{}, map[string]*goja.Symbol{}
	n.takeSymbols(rt)
	return n, nil
}

// takeSymbols learns the well-known symbols; the runtime library adds some that goja lacks.
func (n *natives) takeSymbols(rt *goja.Runtime) {
	symbol := rt.GlobalObject().Get("Symbol").(*goja.Object)
	for _, name := range symbol.GetOwnPropertyNames() {
		if s, ok := symbol.Get(name).(*goja.Symbol); ok {
			n.wellKnown[s], n.wellKnownByName[name] = name, s
		}
	}
}
