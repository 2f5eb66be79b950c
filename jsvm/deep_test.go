package jsvm

import (
	"fmt"
	"testing"
)

// Calls of async functions that wait for each other, one in the other, are kept however deep they are.
func TestDeepRecursionIsKept(t *testing.T) {
	for _, depth := range []int{500, 1000} {
		b := compileFixture(t, fmt.Sprintf(`import * as W from "kont";
async function down(n: number): Promise<number> { try { return n === 0 ? await W.ref() : 1 + await down(n - 1) } finally { await null } }
export default async function main() { return await down(%d) }`, depth))
		var e Effects
		for step := uint64(1); step < 3; step++ {
			p := NewPool(b, PoolOptions{})
			event := "null"
			if step > 1 {
				event = fmt.Sprintf(`{"ref":%q,"value":1}`, e.Refs[0])
			}
			var err error
			if e, err = p.Step(t.Context(), Input{Thread: "T", StepID: step, Continuation: e.Continuation, Event: []byte(event)}); err != nil {
				t.Fatalf("depth %d, step %d: %v", depth, step, err)
			}
			p.Close()
		}
		if got, want := string(e.Outputs[0].Value), fmt.Sprint(depth+1); got != want {
			t.Errorf("depth %d: %s, want %s", depth, got, want)
		}
	}
}
