package jsvm

import (
	"math"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/dop251/goja"

	"kont/jsvm/pattern"
)

// regexpWallMax bounds one match of a backtracking regular expression. An interrupt does not reach it.
const regexpWallMax = 10 * time.Second

func init() { regexp2.DefaultMatchTimeout = regexpWallMax }

// Bounds of single native calls, which an interrupt cannot end. Those of operators are in runtime/bounds.ts. What is left is made of one value by one
// operation and is seen by watch before the next: a string or an array that doubles in a loop is at most some times as big as the heap may grow.
const (
	// jsonDepthMax bounds nesting in JSON.parse and JSON.stringify: they recurse on Go's stack, and an
	// overflow there ends the process.
	jsonDepthMax = 10_000
	// stringLengthMax bounds what repeat, padStart, padEnd, concat, join and replace make, in UTF-16 units.
	stringLengthMax = 1 << 27
	// arrayLengthMax bounds what fill and Array.from make, and what sort and the methods that copy an array make of one that is mostly holes.
	arrayLengthMax = 1 << 26
	// jsonValuesMax bounds the values that JSON.stringify writes: a value that is used twice is written twice, so a small graph can make a text of any
	// length.
	jsonValuesMax = 1 << 23
	// bigIntBitsMax bounds what BigInt.asIntN and asUintN add to.
	bigIntBitsMax = 1 << 26
	// bufferBytesMax bounds an ArrayBuffer: Go ends the process if it cannot have the memory.
	bufferBytesMax = 1 << 28
	// flatDepthMax bounds flat, join and toLocaleString of arrays, which recurse on Go's stack.
	flatDepthMax = 5_000
)

// installGuards replaces natives that can take the process down. It runs before the
// runtime library, so that the library's own references are the guarded ones.
func installGuards(rt *goja.Runtime) error {
	global := rt.GlobalObject()
	g := guards{rt: rt}
	jsonObject := global.Get("JSON").(*goja.Object)
	g.wrap(jsonObject, "parse", 2, func(call goja.FunctionCall) {
		if s, ok := call.Argument(0).(goja.String); ok && jsonDepth(s.String()) > jsonDepthMax {
			panic(g.error("RangeError", "JSON is nested too deeply"))
		}
	})
	g.boundStringify(jsonObject)
	str := prototypeOf(global, "String")
	g.boundRepeat(str)
	for _, name := range []string{"padStart", "padEnd"} {
		g.boundPad(str, name)
	}
	g.wrap(str, "concat", 1, func(call goja.FunctionCall) { g.checkConcat(call) })
	g.match, _ = goja.AssertFunction(str.Get("match"))
	for _, name := range []string{"match", "matchAll", "search"} {
		g.wrap(str, name, 1, g.checkPattern)
	}
	g.wrap(prototypeOf(global, "RegExp"), "compile", 2, g.checkPattern)
	g.wrap(str, "replace", 2, func(call goja.FunctionCall) { g.checkReplace(call, false) })
	g.wrap(str, "replaceAll", 2, func(call goja.FunctionCall) { g.checkReplace(call, true) })
	array := prototypeOf(global, "Array")
	for name, length := range map[string]int{"fill": 1, "sort": 1, "toReversed": 0, "toSorted": 1, "toSpliced": 2, "with": 2} {
		g.wrap(array, name, length, func(call goja.FunctionCall) { g.checkArray(call.This) })
	}
	g.boundNesting(array)
	g.wrap(global.Get("Array").(*goja.Object), "from", 1, func(call goja.FunctionCall) { g.checkItems(call.Argument(0)) })
	for _, name := range []string{"asIntN", "asUintN"} {
		g.boundBits(global.Get("BigInt").(*goja.Object), name)
	}
	flat, _ := goja.AssertFunction(array.Get("flat"))
	g.replace(array, "flat", 0, func(call goja.FunctionCall) goja.Value {
		depth := 1.0
		if d := call.Argument(0); !goja.IsUndefined(d) {
			depth = math.Min(d.ToFloat(), flatDepthMax)
		}
		return g.call(flat, call.This, rt.ToValue(depth))
	})
	if err := g.boundBuffers(); err != nil {
		return err
	}
	const noSource = "code cannot be made from text: it would have no place in the source to resume at"
	g.replace(global, "eval", 1, func(goja.FunctionCall) goja.Value { panic(g.error("EvalError", noSource)) })
	refuse, err := rt.RunString(`(error => {
		const refusing = (name, proto, isGlobal) => {
			const Refusing = { [name]: function () { throw error() } }[name];
			Reflect.defineProperty(Refusing, "prototype", { value: proto, writable: false, enumerable: false, configurable: false });
			Reflect.defineProperty(Refusing, "length", { value: 1, configurable: true });
			Reflect.defineProperty(proto, "constructor", { value: Refusing, writable: isGlobal, configurable: true });
			return Refusing;
		};
		globalThis.Function = refusing("Function", globalThis.Function.prototype, true);
		for (const [name, f] of [["AsyncFunction", async function () {}], ["GeneratorFunction", function* () {}]])
			Object.setPrototypeOf(refusing(name, Object.getPrototypeOf(f), false), globalThis.Function);
	})`)
	if err != nil {
		return err
	}
	f, _ := goja.AssertFunction(refuse)
	_, err = f(nil, rt.ToValue(func(goja.FunctionCall) goja.Value { return g.error("EvalError", noSource) }))
	return err
}

// boundRepeat looks at the length that repeat is to make. What converting runs is run once, and in the order of ECMAScript 22.1.3.18.
func (g guards) boundRepeat(str *goja.Object) {
	native, _ := goja.AssertFunction(str.Get("repeat"))
	g.replace(str, "repeat", 1, func(call goja.FunctionCall) goja.Value {
		if goja.IsUndefined(call.This) || goja.IsNull(call.This) {
			return g.call(native, call.This, call.Arguments...)
		}
		text, isString := call.This.ToString().(goja.String)
		if !isString { // a symbol, which has no string
			return g.call(native, call.This, call.Arguments...)
		}
		count := call.Argument(0).ToNumber()
		g.checkLength(float64(text.Length()) * count.ToFloat())
		return g.call(native, text, count)
	})
}

// boundPad looks at the length that padStart or padEnd is to make. What converting runs is run once, and in the order of ECMAScript 22.1.3.17.1.
func (g guards) boundPad(str *goja.Object, name string) {
	native, _ := goja.AssertFunction(str.Get(name))
	g.replace(str, name, 1, func(call goja.FunctionCall) goja.Value {
		if goja.IsUndefined(call.This) || goja.IsNull(call.This) {
			return g.call(native, call.This, call.Arguments...)
		}
		text := call.This.ToString()
		length := call.Argument(0).ToNumber()
		g.checkLength(length.ToFloat())
		return g.call(native, text, append([]goja.Value{length}, call.Arguments[min(1, len(call.Arguments)):]...)...)
	})
}

// boundBits looks at the bits of asIntN or asUintN, likewise (ECMAScript 21.2.2.1).
func (g guards) boundBits(bigInt *goja.Object, name string) {
	native, _ := goja.AssertFunction(bigInt.Get(name))
	g.replace(bigInt, name, 2, func(call goja.FunctionCall) goja.Value {
		bits := call.Argument(0).ToNumber()
		if bits.ToFloat() > bigIntBitsMax {
			panic(g.error("RangeError", "Maximum BigInt size exceeded"))
		}
		return g.call(native, call.This, bits, call.Argument(1))
	})
}

// boundStringify counts what JSON.stringify writes, by a replacer that changes nothing where the program has none.
func (g guards) boundStringify(jsonObject *goja.Object) {
	native, _ := goja.AssertFunction(jsonObject.Get("stringify"))
	var written struct {
		values, units int
		around        []*goja.Object // what the value at hand is in
	}
	count := g.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		w, value := &written, call.Argument(1)
		w.values++
		if key, ok := call.Argument(0).(goja.String); ok {
			w.units += key.Length()
		}
		switch value := value.(type) {
		case goja.String:
			w.units += value.Length()
		case *goja.Object:
			for len(w.around) > 0 && goja.Value(w.around[len(w.around)-1]) != call.This {
				w.around = w.around[:len(w.around)-1]
			}
			if w.around = append(w.around, value); len(w.around) > jsonDepthMax {
				panic(g.error("RangeError", "JSON is nested too deeply"))
			}
		}
		if w.values > jsonValuesMax || w.units > stringLengthMax {
			panic(g.error("RangeError", "Invalid string length"))
		}
		return value
	})
	g.replace(jsonObject, "stringify", 3, func(call goja.FunctionCall) goja.Value {
		replacer := call.Argument(1)
		if _, ok := call.Argument(0).(*goja.Object); !ok || !goja.IsUndefined(replacer) && !goja.IsNull(replacer) {
			return g.call(native, call.This, call.Arguments...)
		}
		outer := written // a toJSON may call it again
		written.values, written.units, written.around = 0, 0, nil
		defer func() { written = outer }()
		return g.call(native, call.This, call.Argument(0), count, call.Argument(2))
	})
}

// boundNesting bounds the recursion of an array's texts.
func (g guards) boundNesting(array *goja.Object) {
	depth := 0
	for _, name := range []string{"join", "toLocaleString"} {
		native, _ := goja.AssertFunction(array.Get(name))
		length := int(array.Get(name).(*goja.Object).Get("length").ToInteger())
		g.replace(array, name, length, func(call goja.FunctionCall) goja.Value {
			if depth >= flatDepthMax {
				panic(g.error("RangeError", "arrays are nested too deeply"))
			}
			if name == "join" {
				g.checkJoin(call)
			}
			depth++
			defer func() { depth-- }()
			return g.call(native, call.This, call.Arguments...)
		})
	}
}

// boundBuffers replaces the constructors of buffers and typed arrays by ones that look at the size first.
func (g guards) boundBuffers() error {
	bound, err := g.rt.RunString(`((max, error) => { const { construct, defineProperty, getOwnPropertyDescriptor, ownKeys, getPrototypeOf, setPrototypeOf } = Reflect;
		for (const name of ownKeys(globalThis)) {
			const native = globalThis[name];
			if (typeof native !== "function" || name !== "ArrayBuffer" && getPrototypeOf(native).name !== "TypedArray") continue;
			const size = native.BYTES_PER_ELEMENT || 1;
			const Bounded = function (first) {
				if (new.target === undefined) throw new TypeError("Constructor " + name + " requires 'new'");
				const isObject = typeof first === "object" && first !== null || typeof first === "function";
				let args = arguments;
				if (isObject && name === "ArrayBuffer") args = [first = +first]; // what it converts to may be another number the next time
				const length = isObject && name !== "ArrayBuffer" ? first.length : typeof first === "symbol" || typeof first === "bigint" ? 0 : first;
				if (length * size > max) throw error();
				return construct(native, args, new.target);
			};
			setPrototypeOf(Bounded, getPrototypeOf(native));
			for (const key of ownKeys(native)) defineProperty(Bounded, key, getOwnPropertyDescriptor(native, key));
			defineProperty(native.prototype, "constructor", { value: Bounded, writable: true, configurable: true });
			defineProperty(globalThis, name, { value: Bounded, writable: true, configurable: true });
		} })`)
	if err != nil {
		return err
	}
	f, _ := goja.AssertFunction(bound)
	_, err = f(nil, g.rt.ToValue(bufferBytesMax), g.rt.ToValue(func(goja.FunctionCall) goja.Value {
		return g.error("RangeError", "Array buffer allocation failed")
	}))
	return err
}

func prototypeOf(global *goja.Object, name string) *goja.Object {
	return global.Get(name).(*goja.Object).Get("prototype").(*goja.Object)
}

type guards struct {
	rt    *goja.Runtime
	match goja.Callable // String.prototype.match
}

// wrap puts a check before a native. The check panics with the error to throw.
func (g guards) wrap(host *goja.Object, name string, length int, check func(goja.FunctionCall)) {
	native, _ := goja.AssertFunction(host.Get(name))
	g.replace(host, name, length, func(call goja.FunctionCall) goja.Value {
		check(call)
		return g.call(native, call.This, call.Arguments...)
	})
}

func (g guards) replace(host *goja.Object, name string, length int, f func(goja.FunctionCall) goja.Value) {
	value := g.rt.ToValue(f).(*goja.Object)
	_ = value.DefineDataProperty("name", g.rt.ToValue(name), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	_ = value.DefineDataProperty("length", g.rt.ToValue(length), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	_ = host.DefineDataProperty(name, value, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
}

func (g guards) call(f goja.Callable, this goja.Value, args ...goja.Value) goja.Value {
	v, err := f(this, args...)
	if err != nil {
		panic(err)
	}
	return v
}

func (g guards) error(class, message string) goja.Value {
	o, err := g.rt.New(g.rt.GlobalObject().Get(class), g.rt.ToValue(message))
	if err != nil {
		panic(err)
	}
	return o
}

func (g guards) checkLength(units float64) {
	if units > stringLengthMax {
		panic(g.error("RangeError", "Invalid string length"))
	}
}

func (g guards) checkArray(v goja.Value) {
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "Array" && o.Get("length").ToInteger() > arrayLengthMax {
		panic(g.error("RangeError", "Invalid array length"))
	}
}

// checkPattern looks at a text that is to become a regular expression.
func (g guards) checkPattern(call goja.FunctionCall) {
	if s, ok := call.Argument(0).(goja.String); ok && s.Length() > pattern.DepthMax && pattern.IsTooDeep(s.String()) {
		panic(g.error("SyntaxError", "Invalid regular expression: groups are nested too deeply"))
	}
}

func (g guards) checkConcat(call goja.FunctionCall) {
	units := 0
	for _, v := range append(call.Arguments[:len(call.Arguments):len(call.Arguments)], call.This) {
		if s, ok := v.(goja.String); ok {
			units += s.Length()
		}
	}
	g.checkLength(float64(units))
}

// checkJoin looks at what the separators take; items may be more, but each is there already.
func (g guards) checkJoin(call goja.FunctionCall) {
	o, ok := call.This.(*goja.Object)
	if !ok || o.ClassName() != "Array" {
		return
	}
	separator := 1
	if s, ok := call.Argument(0).(goja.String); ok {
		separator = s.Length()
	}
	g.checkLength(o.Get("length").ToFloat() * float64(separator))
}

// checkReplace looks at a replacement by text. The matches are counted only where that many could be too many.
func (g guards) checkReplace(call goja.FunctionCall, isAll bool) {
	s, ok := call.This.(goja.String)
	by, isText := call.Argument(1).(goja.String)
	if !ok || !isText {
		return
	}
	units := float64(s.Length() + 1)
	if units*(units+float64(by.Length())) <= stringLengthMax {
		return
	}
	text := by.String()
	parts := float64(strings.Count(text, "$"))                              // together at most as long as the text, but
	tails := float64(strings.Count(text, "$`") + strings.Count(text, "$'")) // each of these is as long as that
	bound := func(matches float64) float64 { return matches*(float64(by.Length())+tails*units) + (parts+1)*units }
	if bound(units) > stringLengthMax {
		g.checkLength(bound(g.matches(s, call.Argument(0), isAll)))
	}
}

// matches counts what replace and replaceAll replace.
func (g guards) matches(s goja.String, search goja.Value, isAll bool) float64 {
	o, ok := search.(*goja.Object)
	switch {
	case !ok && isAll:
		return float64(strings.Count(s.String(), search.String()))
	case !ok || o.ClassName() != "RegExp" || !o.Get("global").ToBoolean():
		return 1
	}
	found, ok := g.call(g.match, s, search).(*goja.Object)
	if !ok {
		return 0
	}
	return found.Get("length").ToFloat()
}

// checkItems looks at an array-like object and at a sparse array: what is iterated in another way takes its items one by one.
func (g guards) checkItems(v goja.Value) {
	o, ok := v.(*goja.Object)
	if !ok {
		return
	}
	if iterator := o.GetSymbol(goja.SymIterator); o.ClassName() != "Array" && iterator != nil && !goja.IsUndefined(iterator) && !goja.IsNull(iterator) {
		return
	}
	if length := o.Get("length"); length != nil && length.ToFloat() > arrayLengthMax {
		panic(g.error("RangeError", "Invalid array length"))
	}
}

// jsonDepth is the greatest nesting of a JSON text, valid or not.
func jsonDepth(s string) int {
	if strings.Count(s, "[")+strings.Count(s, "{") <= jsonDepthMax {
		return 0 // cannot be deeper than the limit
	}
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
