package jsvm

import "github.com/dop251/goja"

// overriddenKeys are the properties of intrinsic prototypes that programs override by assignment. A
// frozen property would forbid that to everything that inherits it (the "override mistake": `error.name = "X"`
// would throw, since Error.prototype.name is read-only), so these become accessors whose setter defines the
// property on the receiver. The accessors are native: reading one costs a tenth of a call of JavaScript.
var overriddenKeys = []string{"constructor", "toString", "toLocaleString", "valueOf", "toJSON", "name", "message", "hasOwnProperty",
	"isPrototypeOf", "propertyIsEnumerable", "then", "next", "call", "apply", "bind"}

// harden freezes the intrinsics, so that one VM can serve many threads: nothing that one does to
// Array.prototype reaches another. globalThis stays open while packages load and is closed to new properties then.
func (v *vm) harden(objects []*goja.Object, table *intrinsicTable) error {
	for _, o := range table.overridable {
		if err := v.allowOverride(objects[o.object], o.key); err != nil {
			return err
		}
	}
	global := v.rt.GlobalObject()
	for _, o := range objects {
		if o == global {
			continue
		}
		if _, err := v.heap.natives.freeze(nil, o); err != nil {
			return err
		}
	}
	if err := v.closeGlobals(); err != nil {
		return err
	}
	_, err := v.heap.natives.preventExtensions(nil, global)
	return err
}

// closeGlobals makes the globals of the language and of the library read-only: what one thread assigned, the next would see. A global that a package has made or
// replaced is the package's own, like the caches of its modules.
func (v *vm) closeGlobals() error {
	global := v.rt.GlobalObject()
	for _, name := range global.GetOwnPropertyNames() {
		if o, ok := global.Get(name).(*goja.Object); ok && v.heap.names[o] == name {
			if err := global.DefineDataProperty(name, o, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE); err != nil {
				return err
			}
		}
	}
	return nil
}

// override is the setter of a key, one for all intrinsics that have the key: a native function takes half a kilobyte.
type override struct {
	setter  goja.Value
	holders map[*goja.Object]bool
}

func (v *vm) allowOverride(holder *goja.Object, key string) error {
	value := holder.Get(key)
	getter := v.rt.ToValue(func(goja.FunctionCall) goja.Value { return value })
	o := v.overrideOf(key)
	o.holders[holder] = true
	return holder.DefineAccessorProperty(key, getter, o.setter, goja.FLAG_FALSE, goja.FLAG_NOT_SET)
}

func (v *vm) overrideOf(key string) *override {
	if o, ok := v.overrides[key]; ok {
		return o
	}
	if v.overrides == nil {
		v.overrides = map[string]*override{}
	}
	made := &override{holders: map[*goja.Object]bool{}}
	made.setter = v.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		o, ok := call.This.(*goja.Object)
		if !ok || made.holders[o] {
			panic(v.rt.NewTypeError("Cannot assign to property '%s' of an object that all threads share", key))
		}
		isOwn, err := v.heap.natives.hasOwn(nil, o, v.rt.ToValue(key))
		if err == nil && isOwn.ToBoolean() {
			err = o.Set(key, call.Argument(0))
		} else if err == nil {
			err = o.DefineDataProperty(key, call.Argument(0), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE)
		}
		if err != nil {
			panic(err)
		}
		return undefinedSelf
	})
	v.overrides[key] = made
	return made
}
