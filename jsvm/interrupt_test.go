package jsvm

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/dop251/goja"
)

// interruptAt interrupts the VM's next step in its n-th call of a native, counted from 1, as a time limit would. It tells afterwards whether the step came so far.
func interruptAt(v *vm, n int, why *Fault) (came func() bool) {
	calls := 0
	natives := reflect.ValueOf(v.heap.natives).Elem()
	for i := range natives.NumField() {
		field := natives.Field(i)
		if field.Type() != reflect.TypeFor[goja.Callable]() {
			continue
		}
		at := field.Addr().UnsafePointer()
		native := *(*goja.Callable)(at)
		*(*goja.Callable)(at) = func(this goja.Value, args ...goja.Value) (goja.Value, error) {
			if calls++; calls == n {
				v.watch.mu.Lock()
				v.watch.interrupt(why)
				v.watch.mu.Unlock()
			}
			return native(this, args...)
		}
	}
	return func() bool { return calls >= n }
}

// Restoring and saving call the engine for much of what they read. A step that is interrupted there is interrupted: it is no continuation that does not fit or cannot be
// kept, no event that nobody waits for, and above all no success.
func TestInterruptIsTheFaultOfTheStepWhereverItComes(t *testing.T) {
	b := compileText(t, `import * as W from "kont";
		class Order { #id = 1; lines = new Map([["a", new Set([1n, 2n])]]); when = new Date(0); id() { return this.#id } }
		const tag = Symbol("tag");
		export default async function main() {
			const order = new Order(), view = new DataView(new ArrayBuffer(4)), bytes = new Uint8Array(3), pattern = /x/gi, boxed = Object("b");
			const odd = Object.freeze({ get a() { return order.id() }, [tag]: [1, , 2], [Symbol.for("s")]: Object(1n) });
			function* count() { yield order.id(); yield 2 }
			const counting = count();
			counting.next();
			for (let i = 0; i < 3; i++) await W.ref("r" + i);
			return [order.id(), view.byteLength, bytes.length, pattern.source, boxed, odd.a, counting.next()].length;
		}`)
	for name, event := range map[string]string{"matched": `{"ref":"1:r0:1","value":{"a":[1]}}`, "unmatched": `{"ref":"1:r9:1"}`} {
		t.Run(name, func(t *testing.T) {
			for n, meets := 1, true; meets; n++ {
				p := NewPool(b, PoolOptions{VMsMax: 1})
				e, err := p.Step(context.Background(), Input{Thread: "T", StepID: 1, Event: []byte("1")})
				if err != nil {
					t.Fatal(err)
				}
				came := interruptAt(p.idle.vms[0], n, stuck(time.Second, p.limits))
				_, err = p.Step(context.Background(), Input{Thread: "T", StepID: 2, Continuation: e.Continuation, Event: []byte(event)})
				meets = came()
				var fault *Fault
				if meets && (!errors.As(err, &fault) || fault.Kind != FaultStuck) {
					t.Errorf("call %d: got %v", n, err)
				}
				if !meets && err != nil && !errors.Is(err, ErrUnmatched) {
					t.Errorf("undisturbed: %v", err)
				}
				if !meets && n < 4 {
					t.Errorf("only %d calls", n-1)
				}
				p.Close()
			}
		})
	}
}
