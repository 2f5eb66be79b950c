package jsvm

import (
	"math"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/dop251/goja"
)

// regexpWallMax bounds one match of a backtracking regular expression. An interrupt does not reach it.
const regexpWallMax = 10 * time.Second

func init() { regexp2.DefaultMatchTimeout = regexpWallMax }

// Bounds of single native calls, which an interrupt cannot end.
const (
	// jsonDepthMax bounds nesting in JSON.parse: goja's parser recurses on Go's stack, and an
	// overflow there ends the process.
	jsonDepthMax = 10_000
	// stringLengthMax bounds what repeat, padStart and padEnd make, in UTF-16 units.
	stringLengthMax = 1 << 27
	// bufferBytesMax bounds an ArrayBuffer: Go ends the process if it cannot have the memory.
	bufferBytesMax = 1 << 28
	// flatDepthMax bounds Array.prototype.flat, which recurses on Go's stack.
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
	str := prototypeOf(global, "String")
	g.wrap(str, "repeat", 1, func(call goja.FunctionCall) {
		if s, ok := call.This.(goja.String); ok {
			g.checkLength(float64(s.Length()) * call.Argument(0).ToFloat())
		}
	})
	for _, name := range []string{"padStart", "padEnd"} {
		g.wrap(str, name, 1, func(call goja.FunctionCall) { g.checkLength(call.Argument(0).ToFloat()) })
	}
	array := prototypeOf(global, "Array")
	g.wrap(array, "fill", 1, func(call goja.FunctionCall) { g.checkArray(call.This) })
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
	refuse, err := rt.RunString(`(error => { const native = Function, proto = native.prototype;
		const Refusing = function Function() { throw error() };
		Reflect.defineProperty(Refusing, "prototype", { value: proto, writable: false, enumerable: false, configurable: false });
		Reflect.defineProperty(Refusing, "length", { value: 1, configurable: true });
		Reflect.defineProperty(proto, "constructor", { value: Refusing, writable: true, configurable: true });
		for (const f of [async function () {}, function* () {}])
			Reflect.defineProperty(Object.getPrototypeOf(f), "constructor", { value: Refusing, writable: false, configurable: true });
		globalThis.Function = Refusing; })`)
	if err != nil {
		return err
	}
	f, _ := goja.AssertFunction(refuse)
	_, err = f(nil, rt.ToValue(func(goja.FunctionCall) goja.Value { return g.error("EvalError", noSource) }))
	return err
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
				const length = typeof first === "object" && first !== null ? first.length : typeof first === "symbol" || typeof first === "bigint" ? 0 : first;
				if (length * size > max) throw error();
				return construct(native, arguments, new.target);
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

type guards struct{ rt *goja.Runtime }

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
	if o, ok := v.(*goja.Object); ok && o.ClassName() == "Array" && o.Get("length").ToInteger() > stringLengthMax {
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
