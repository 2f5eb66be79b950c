package jsvm

import (
	"fmt"

	"github.com/dop251/goja"

	"kont/jsvm/runtime"
)

// bindFamilies has what a family of the library makes (runtime/family.ts) named and frozen like the other intrinsics. Families that module code
// has made use of are named after the intrinsics; what another part has named already keeps its name.
func (v *vm) bindFamilies() error {
	use, ok := goja.AssertFunction(v.lib.Get("useFamily"))
	if !ok {
		return fmt.Errorf("runtime library has no useFamily")
	}
	v.heap.makeFamily = func(name string) bool {
		family := runtime.FamilyOf(name)
		if family == "" {
			return false
		}
		_, err := use(v.lib, v.rt.ToValue(family))
		return err == nil
	}
	return v.call("setOnMade", v.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		if err := v.nameFamily(call.Argument(0).(*goja.Object)); err != nil {
			panic(v.rt.NewGoError(err))
		}
		return undefinedSelf
	}))
}

func (v *vm) nameFamily(byName *goja.Object) error {
	table := v.walkIntrinsics(byName)
	objects := make([]*goja.Object, len(table.entries))
	for i, e := range table.entries {
		objects[i] = byName.Get(e.name).(*goja.Object)
		v.heap.name(objects[i], e.name)
	}
	for _, o := range table.overridable {
		if err := v.allowOverride(objects[o.object], o.key); err != nil {
			return err
		}
	}
	for _, o := range objects {
		if _, err := v.heap.natives.freeze(nil, o); err != nil {
			return err
		}
	}
	return nil
}
