package testhost

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The twin is a sorted slice.
func TestTimersAreThoseOfASortedSlice(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	ts := newTimers()
	var twin []*timer
	remove := func(key string) { twin = slices.DeleteFunc(twin, func(t *timer) bool { return t.key == key }) }
	for order := range 20_000 {
		key := fmt.Sprint("t|", random.IntN(40))
		switch random.IntN(5) {
		case 0:
			remove(key)
			ts.cancel("s", key)
		case 1:
			got := ts.take()
			if len(twin) == 0 {
				if got != nil {
					t.Fatalf("%v is taken of none", got)
				}
				break
			}
			if got == nil || got.key != twin[0].key || got.due != twin[0].due {
				t.Fatalf("%v is taken, want %v", got, twin[0])
			}
			twin = twin[1:]
		default:
			due := int64(random.IntN(30))
			remove(key)
			twin = append(twin, &timer{topic: "s", key: key, due: due, order: uint64(order)})
			slices.SortStableFunc(twin, (*timer).before)
			ts.set("s", key, due)
		}
		list := ts.list()
		if !slices.EqualFunc(list, twin, func(a, b *timer) bool { return a.key == b.key && a.due == b.due }) {
			t.Fatalf("%d timers, want %d", len(list), len(twin))
		}
	}
}

func TestManyTimersAreQuick(t *testing.T) {
	project(t, "timers.ts", `import * as W from "kont";
export default async function main(count: number) {
  for (let i = 0; i < count; i++) W.output(String(1 + i % 97), "workflow-scheduler", W.threadId + '|{"ref":"tick"}' + " ".repeat(i % 5) + i);
  await W.ref("end");
}`, "a.test.ts", testImports+`test("timers", () => {
  const host = workflow("./timers.ts");
  host.start("t", 10_000);
  assert.equal(host.timers.length, 10_000);
  assert.equal(host.settle(9_999), 9_999);
  assert.equal(host.timers.length, 1);
  assert.equal(host.settle(), 1);
  assert.equal(host.now, Date.UTC(2020, 0) + 97);
  assert.equal(host.unmatched.length, 10_000);
});`)
	began := time.Now()
	if results, text := runFiles(t, Options{}, "a.test.ts"); CountsOf(results).Passed != 1 {
		t.Error(text)
	}
	if wall := time.Since(began); wall > time.Minute {
		t.Errorf("it took %v", wall)
	}
}
