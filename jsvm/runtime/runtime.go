package runtime

import (
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"math/big"
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/dop251/goja"
	"github.com/evanw/esbuild/pkg/api"

	"kont/jsvm/pattern"
	"kont/jsvm/property"
)

//go:embed *.ts
var sources embed.FS

// Types is the text of kont.d.ts: the declarations of the module `kont` for editors and tsc.
//
//go:embed kont.d.ts
var Types string

// Host is what the library needs from the program that runs it.
type Host struct {
	// Log takes a line of console.*; level is "debug", "info", "warn" or "error". Nil drops it.
	Log func(level, text string)
	// Random fills bytes with chance, for crypto. Nil is crypto/rand.
	Random func(bytes []byte)
	// Explain may complete the message of a TypeError with which an async function ends. Nil leaves it.
	Explain func(error goja.Value)
}

// library compiles the library once a process.
var library = sync.OnceValues(func() (*goja.Program, error) { return compile(sources) })

// Install runs the library in a fresh VM and returns its object, `%rt`. It replaces globals of vm.
func Install(vm *goja.Runtime, host Host) (*goja.Object, error) {
	program, err := library()
	if err != nil {
		return nil, err
	}
	return install(vm, host, program)
}

func install(vm *goja.Runtime, host Host, program *goja.Program) (*goja.Object, error) {
	value, err := vm.RunProgram(program)
	if err != nil {
		return nil, fmt.Errorf("runtime library: %w", err)
	}
	load, ok := goja.AssertFunction(value)
	if !ok {
		return nil, fmt.Errorf("runtime library: it is no function")
	}
	rt, err := load(goja.Undefined(), hostObject(vm, host))
	if err != nil {
		return nil, fmt.Errorf("runtime library: %w", err)
	}
	return rt.ToObject(vm), installFamilyGlobals(vm, rt.ToObject(vm))
}

// compile strips types and bundles index.ts to one function of the host object.
func compile(files fs.FS) (*goja.Program, error) {
	return bundle(files, nil, "index.ts", "kont.js", "host")
}

// compileFamily does the same with the file of a family, for which core.ts is what the library hands it.
func compileFamily(files fs.FS, file string) (*goja.Program, error) {
	return bundle(files, map[string]string{"core.ts": "export const core = given;"}, file, "kont-"+strings.TrimSuffix(file, ".ts")+".js", "given")
}

// bundle makes one function of a file and what it imports; texts stand for files of their names.
func bundle(files fs.FS, texts map[string]string, entry, script, parameter string) (*goja.Program, error) {
	built := api.Build(api.BuildOptions{
		EntryPoints:   []string{entry},
		Bundle:        true,
		Outfile:       "kont.js",
		Format:        api.FormatCommonJS,
		Platform:      api.PlatformNeutral,
		Target:        api.ES2022,
		Charset:       api.CharsetASCII,
		LegalComments: api.LegalCommentsNone,
		// Fields become assignments in the constructor: goja defines class fields by a function call for each object.
		TsconfigRaw: `{"compilerOptions": {"useDefineForClassFields": false}}`,
		Plugins:     []api.Plugin{embedded(files, texts)},
	})
	if len(built.Errors) > 0 {
		m := built.Errors[0]
		if m.Location != nil {
			return nil, fmt.Errorf("runtime library: %s:%d: %s", m.Location.File, m.Location.Line, m.Text)
		}
		return nil, fmt.Errorf("runtime library: %s", m.Text)
	}
	text := "(function (" + parameter + ") { const module = { exports: {} };\n" + string(built.OutputFiles[0].Contents) + "\nreturn module.exports.default; })"
	program, err := goja.Compile(script, text, true)
	if err != nil {
		return nil, fmt.Errorf("runtime library: %w", err)
	}
	return program, nil
}

// embedded is the esbuild plugin that reads the library from texts or files.
func embedded(files fs.FS, texts map[string]string) api.Plugin {
	return api.Plugin{Name: "embedded", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `.*`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			name := path.Base(args.Path)
			if !strings.HasSuffix(name, ".ts") {
				name += ".ts"
			}
			return api.OnResolveResult{Path: name, Namespace: "kont"}, nil
		})
		build.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "kont"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			contents, ok := texts[args.Path]
			if ok {
				return api.OnLoadResult{Contents: &contents, Loader: api.LoaderTS}, nil
			}
			text, err := fs.ReadFile(files, args.Path)
			contents = string(text)
			return api.OnLoadResult{Contents: &contents, Loader: api.LoaderTS}, err
		})
	}}
}

var proxyType = reflect.TypeOf(goja.Proxy{})

func isProxy(value goja.Value) bool {
	o, ok := value.(*goja.Object)
	return ok && o.ExportType() == proxyType
}

// isPlain says that a text stands in JSON as it is.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func setter(o *goja.Object) func(name string, f func(goja.FunctionCall) goja.Value) {
	return func(name string, f func(goja.FunctionCall) goja.Value) {
		if err := o.Set(name, f); err != nil {
			panic(err) // a plain object takes any property
		}
	}
}

// familyNatives makes the functions that object.ts declares as Natives.
func familyNatives(vm *goja.Runtime) *goja.Object {
	o := vm.NewObject()
	setEncodings(vm, setter(o))
	setter(o)("kindOf", func(call goja.FunctionCall) goja.Value { return vm.ToValue(kindOf(call.Argument(0))) })
	setter(o)("expandProperties", func(call goja.FunctionCall) goja.Value {
		expanded, err := property.Expand(call.Argument(0).String())
		if err != nil {
			return vm.NewArray("", err.Error())
		}
		return vm.NewArray(expanded, "")
	})
	setter(o)("isTooDeep", func(call goja.FunctionCall) goja.Value {
		return vm.ToValue(pattern.IsTooDeep(call.Argument(0).String()))
	})
	return o
}

// kindOf is the internal slot that an object has, as far as structuredClone has to know.
func kindOf(value goja.Value) string {
	o, ok := value.(*goja.Object)
	if !ok {
		return ""
	}
	exported := o.ExportType()
	if exported == proxyType {
		return "Proxy"
	}
	if class := o.ClassName(); class != "Object" {
		return class
	}
	switch exported {
	case reflect.TypeFor[[][2]any]():
		return "Map"
	case reflect.TypeFor[[]any]():
		return "Set"
	case reflect.TypeFor[goja.ArrayBuffer]():
		return "ArrayBuffer"
	case reflect.TypeFor[string]():
		return "Symbol"
	case reflect.TypeFor[*big.Int]():
		return "BigInt"
	}
	return "Object" // or a view, which ArrayBuffer.isView tells
}

// hostObject makes the functions that object.ts declares as Host.
func hostObject(vm *goja.Runtime, host Host) *goja.Object {
	o := vm.NewObject()
	set := setter(o)
	set("define", func(call goja.FunctionCall) goja.Value {
		object, ok := call.Argument(0).(*goja.Object)
		if !ok || object.ExportType() == proxyType {
			return goja.Undefined()
		}
		if symbol, ok := call.Argument(1).(*goja.Symbol); ok {
			// A frozen object refuses: it stays as it is, as the comment in object.ts says.
			_ = object.DefineDataPropertySymbol(symbol, call.Argument(2), goja.FLAG_TRUE, goja.FLAG_FALSE, goja.FLAG_FALSE)
		}
		return goja.Undefined()
	})
	set("createWith", func(call goja.FunctionCall) goja.Value {
		prototype, _ := call.Argument(0).(*goja.Object)
		object := vm.CreateObject(prototype)
		if symbol, ok := call.Argument(1).(*goja.Symbol); ok {
			_ = object.DefineDataPropertySymbol(symbol, call.Argument(2), goja.FLAG_TRUE, goja.FLAG_FALSE, goja.FLAG_FALSE)
		}
		return object
	})
	stringify, _ := goja.AssertFunction(vm.Get("JSON").ToObject(vm).Get("stringify"))
	set("quote", func(call goja.FunctionCall) goja.Value {
		text := call.Argument(0)
		if s := text.String(); isPlain(s) {
			return vm.ToValue(`"` + s + `"`)
		}
		quoted, err := stringify(goja.Undefined(), text)
		if err != nil {
			panic(err)
		}
		return quoted
	})
	set("bitLength", func(call goja.FunctionCall) goja.Value {
		value, _ := call.Argument(0).Export().(*big.Int)
		return vm.ToValue(value.BitLen())
	})
	set("family", func(call goja.FunctionCall) goja.Value {
		program, err := familyProgram(call.Argument(0).String())
		if err != nil {
			panic(err) // ours: the library does not compile
		}
		made, err := vm.RunProgram(program)
		if err != nil {
			panic(err)
		}
		return made
	})
	set("natives", func(goja.FunctionCall) goja.Value { return familyNatives(vm) })
	set("transfer", func(call goja.FunctionCall) goja.Value {
		buffer, ok := call.Argument(0).Export().(goja.ArrayBuffer)
		if !ok || buffer.Detached() {
			return goja.Null()
		}
		bytes := make([]byte, call.Argument(1).ToInteger())
		copy(bytes, buffer.Bytes())
		buffer.Detach()
		return vm.ToValue(vm.NewArrayBuffer(bytes))
	})
	set("isDetached", func(call goja.FunctionCall) goja.Value {
		buffer, ok := call.Argument(0).Export().(goja.ArrayBuffer)
		return vm.ToValue(ok && buffer.Detached())
	})
	set("explain", func(call goja.FunctionCall) goja.Value {
		if host.Explain != nil {
			host.Explain(call.Argument(0))
		}
		return goja.Undefined()
	})
	set("isProxy", func(call goja.FunctionCall) goja.Value { return vm.ToValue(isProxy(call.Argument(0))) })
	set("log", func(call goja.FunctionCall) goja.Value {
		if host.Log != nil {
			host.Log(call.Argument(0).String(), call.Argument(1).String())
		}
		return goja.Undefined()
	})
	set("randomBytes", func(call goja.FunctionCall) goja.Value {
		count := call.Argument(0).ToInteger()
		if count < 0 || count > randomBytesMax {
			panic(vm.NewTypeError("randomBytes: %d bytes, at most %d", count, randomBytesMax))
		}
		bytes := make([]byte, count)
		if host.Random != nil {
			host.Random(bytes)
		} else {
			rand.Read(bytes) // never fails: crypto/rand
		}
		return vm.ToValue(vm.NewArrayBuffer(bytes))
	})
	return o
}

// randomBytesMax is the bound of crypto.getRandomValues.
const randomBytesMax = 65536
