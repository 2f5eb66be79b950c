package jsvm

import (
	"fmt"
	"strconv"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
	"kont/jsvm/runtime"
)

// RuntimeABI is the version of what continuations assume of the runtime library: names,
// fields and meaning of its classes. A build reads all versions up to its own.
const RuntimeABI = 1

// vm is one JavaScript engine with the runtime library and one bundle loaded. It runs one step at a
// time, which finds nothing of any other thread. The objects of several live threads may lie in it (live.go).
type vm struct {
	bundle *Bundle
	rt     *goja.Runtime
	heap   *heap
	lib    *goja.Object // %rt
	entry  goja.Value
	topics []string // declared or configured while loading
	module moduleState

	startStep, resumeStep goja.Callable

	intrinsics     []*goja.Object
	intrinsicTable *intrinsicTable
	overrides      map[string]*override // by key

	limits    Limits
	keepsLive bool
	logs      []LogLine
	logged    int // bytes in logs
	blames    blames

	marshalled []byte
	keys       []string   // of the Map that keysOf reads
	takeKey    goja.Value // the callback that fills keys

	tasks   chan task // nil outside a pool, like what follows
	answers chan answer
	ended   chan struct{} // closed when the VM's goroutine takes no more steps
	watch   *watch
}

// newVM loads the runtime library and the bundle into a fresh runtime. An error of the bundle's module code is a
// *goja.Exception.
func newVM(b *Bundle, rt *goja.Runtime, limits Limits) (*vm, error) {
	return newVMIn(b, rt, limits, world{})
}

// newVMIn is newVM with a clock and chance of its own.
func newVMIn(b *Bundle, rt *goja.Runtime, limits Limits, world world) (*vm, error) {
	v, err := newOpenVM(b, rt, limits, world)
	if err != nil {
		return nil, err
	}
	if err := v.harden(v.intrinsics, v.intrinsicTable); err != nil {
		return nil, fmt.Errorf("freeze intrinsics: %w", err)
	}
	return v, nil
}

// newOpenVM leaves the intrinsics as they are: one thread's changes to them would reach the next.
func newOpenVM(b *Bundle, rt *goja.Runtime, limits Limits, world world) (v *vm, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, fmt.Errorf("load bundle: engine panic: %v", p)
		}
	}()
	v = &vm{bundle: b, rt: rt, limits: limits}
	if err := v.install(world); err != nil {
		return nil, err
	}
	text := func(call goja.FunctionCall) goja.Value {
		id, err := strconv.Atoi(call.Argument(0).String())
		if err != nil || id < 0 || id >= len(b.layout.functions) {
			return undefinedSelf
		}
		return v.rt.ToValue(b.layout.functions[id].source)
	}
	if err := v.call("setFunctionText", v.rt.ToValue(text)); err != nil {
		return nil, err
	}
	if err := v.bindStacks(); err != nil {
		return nil, err
	}
	exports, err := v.loadProgram()
	if err != nil {
		return nil, err
	}
	if err := v.bindEntry(exports); err != nil {
		return nil, err
	}
	return v, nil
}

// install prepares the codec, the guards and the runtime library.
func (v *vm) install(world world) (err error) {
	world.install(v.rt)
	v.rt.SetMaxCallStackSize(v.limits.CallDepthMax)
	if v.heap, err = newHeap(v.rt, v.bundle.layout, v.bundle.dictionary); err != nil {
		return err
	}
	if err := installGuards(v.rt); err != nil {
		return fmt.Errorf("install guards: %w", err)
	}
	v.guardShared()
	if v.lib, err = runtime.Install(v.rt, runtime.Host{Log: v.log, Random: world.bytes(), Explain: v.explain}); err != nil {
		return fmt.Errorf("install runtime library: %w", err)
	}
	return v.bindLibrary()
}

// log takes a console line.
func (v *vm) log(level, text string) {
	text = v.bundle.layout.stackText(text, nil)
	if v.logged > v.limits.LogBytesMax {
		return
	}
	if v.logged += len(text); v.logged > v.limits.LogBytesMax {
		level, text = "warn", fmt.Sprintf("more than %d bytes of console lines in one step: this and the rest are dropped", v.limits.LogBytesMax)
	}
	v.logs = append(v.logs, LogLine{Level: level, Text: text})
}

func (v *vm) call(name string, args ...goja.Value) error {
	_, err := v.callFor(name, args...)
	return err
}

func (v *vm) callFor(name string, args ...goja.Value) (goja.Value, error) {
	f, ok := goja.AssertFunction(v.lib.Get(name))
	if !ok {
		return nil, fmt.Errorf("runtime library has no %s", name)
	}
	return f(v.lib, args...)
}

// bindLibrary learns the library's conventions: symbols, classes, host calls.
func (v *vm) bindLibrary() error {
	h, lib := v.heap, v.lib
	h.natives.takeSymbols(v.rt)
	for name, field := range map[string]*goja.Callable{"startStep": &v.startStep, "resumeStep": &v.resumeStep} {
		f, ok := goja.AssertFunction(lib.Get(name))
		if !ok {
			return fmt.Errorf("runtime library has no %s", name)
		}
		*field = f
	}
	for name, field := range map[string]**goja.Symbol{"symMark": &h.symMark, "symFunction": &h.symFunction, "symClass": &h.symClass, "symPrototypeOf": &h.symPrototypeOf} {
		sym, ok := lib.Get(name).(*goja.Symbol)
		if !ok {
			return fmt.Errorf("runtime library has no %s", name)
		}
		*field = sym
	}
	privates := lib.Get("privateSymbols").(*goja.Object)
	for _, name := range privates.GetOwnPropertyNames() {
		if sym, ok := privates.Get(name).(*goja.Symbol); ok {
			h.registerPrivate(sym, "kont."+name)
		}
	}
	h.asyncFunctionPrototype, _ = lib.Get("asyncFunctionPrototype").(*goja.Object)
	h.generatorFunctionPrototype, _ = lib.Get("generatorFunctionPrototype").(*goja.Object)
	h.uninitialized, _ = lib.Get("TDZ").(*goja.Symbol)
	for _, name := range []string{"AWAIT", "YIELD", "DELEGATE", "DONE"} {
		if sym, ok := lib.Get(name).(*goja.Symbol); ok {
			h.nameSymbol(sym, "kont."+name)
		}
	}
	makeFunction, ok := goja.AssertFunction(lib.Get("makeFunction"))
	if !ok {
		return fmt.Errorf("runtime library has no makeFunction")
	}
	functions := lib.Get("functions").(*goja.Object)
	h.makeFunction = func(id string, state goja.Value) (*goja.Object, error) {
		if functions.Get(id) == nil && !h.makeFamily(id) {
			return nil, &IncompatibleError{fmt.Sprintf("the runtime library has no function %q", id)}
		}
		return object(makeFunction(lib, v.rt.ToValue(id), state))
	}
	classes := lib.Get("classes").(*goja.Object)
	for _, name := range classes.GetOwnPropertyNames() {
		constructor, ok := classes.Get(name).(*goja.Object)
		if !ok {
			continue
		}
		prototype, ok := constructor.Get("prototype").(*goja.Object)
		if !ok {
			continue
		}
		switch name {
		case "Frame":
			h.frame = prototype
		case "Generator":
			h.generatorPrototype = prototype
		}
		h.registerClass(prototype, name, fixedFields[name])
	}
	return nil
}

// bindEntry checks what the bundle exports.
func (v *vm) bindEntry(exports goja.Value) error {
	f, ok := goja.AssertFunction(v.lib.Get("exports"))
	if !ok {
		return fmt.Errorf("runtime library has no exports")
	}
	result, err := f(v.lib, exports)
	if err != nil {
		return err
	}
	o := result.(*goja.Object)
	v.entry = o.Get("entry")
	if err := v.call("setOutputTopics", o.Get("outputTopics")); err != nil {
		return err
	}
	// The declared topics and those that module code has put into W.config.
	all, ok := goja.AssertFunction(v.lib.Get("outputTopics"))
	if !ok {
		return fmt.Errorf("runtime library has no outputTopics")
	}
	list, err := object(all(v.lib))
	if err != nil {
		return err
	}
	for i := range int(list.Get("length").ToInteger()) {
		v.topics = append(v.topics, list.Get(indexName(i)).String())
	}
	return nil
}

// save turns the current thread, which is quiet, into a continuation, which is valid until the next, and lists the module variables that differ.
func (v *vm) save(root *goja.Object) ([]byte, []moduleBinding, error) {
	changed, err := v.module.changes(v)
	if err != nil {
		return nil, nil, err
	}
	g, err := v.heap.save(root, changed)
	if err != nil {
		return nil, nil, err
	}
	g.ABI = RuntimeABI
	copy(g.Bundle[:], v.bundle.hash[:])
	v.marshalled = g.Marshal(v.marshalled[:0])
	return v.marshalled, changed, nil
}

// load builds the objects of a continuation and returns its thread.
func (v *vm) load(data []byte) (*goja.Object, error) {
	g := &v.heap.graph
	if err := decodeFor(v.bundle, g, data); err != nil {
		return nil, &Fault{Kind: FaultIncompatible, Message: err.Error(), isBeforeRun: true}
	}
	root, bindings, err := v.heap.restore(g)
	if err != nil {
		return nil, err
	}
	return root, v.module.apply(v, bindings)
}

// decodeFor decodes a continuation of a bundle.
func decodeFor(b *Bundle, g *continuation.Graph, data []byte) error {
	id, err := continuation.ReadBundleID(data)
	if err != nil {
		return err
	}
	if string(id[:]) != string(b.hash[:len(id)]) {
		return &IncompatibleError{fmt.Sprintf("it belongs to bundle %x, not to %x", id[:4], b.hash[:4])}
	}
	if err := g.Unmarshal(data, b.dictionary, continuation.DefaultLimits); err != nil {
		return err
	}
	if g.ABI > RuntimeABI {
		return &IncompatibleError{fmt.Sprintf("it was written with runtime ABI %d, newest known is %d", g.ABI, RuntimeABI)}
	}
	return nil
}
