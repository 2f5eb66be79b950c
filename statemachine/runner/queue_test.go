package runner

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The queue is compared with a slice for each thread, while one holder takes and
// settles and events come in. What is held in memory stays within its bounds, and
// is always the first of a thread's events.
func TestQueueEqualsSlices(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	q := newQueue(1<<20, 1<<30, noObserver{})
	want := map[threadID][]int64{}
	keys := []threadID{{topic: "t", key: "a"}, {topic: "t", key: "b"}, {topic: "u", key: "a"}}
	values := make([]byte, 8000)
	next, queued := int64(0), 0
	for range 20_000 {
		if random.IntN(3) > 0 {
			id := keys[random.IntN(len(keys))]
			q.put(id, event{offset: next, value: values[:random.IntN(len(values))]})
			want[id] = append(want[id], next)
			next++
			queued++
			continue
		}
		if queued == 0 {
			continue
		}
		thread, events := q.take()
		if len(events) == 0 {
			waiting := q.waiting(thread, 1+random.IntN(5))
			for i := range waiting {
				waiting[i].value = values[:random.IntN(len(values))]
			}
			events = q.load(thread, waiting)
		}
		if thread.loaded > threadLoadedMax || thread.loaded > 1 && thread.loadedBytes > threadLoadedBytesMax {
			t.Fatalf("%d events of %d bytes are held", thread.loaded, thread.loadedBytes)
		}
		count := 1 + random.IntN(len(events))
		settled := make([]bool, count)
		var left []int64
		for i := range settled {
			if !events[i].isLoaded {
				t.Fatalf("event %d of %d was handed over without its value", i, len(events))
			}
			if events[i].offset != want[thread.id][i] {
				t.Fatalf("event %d is %d, want %d", i, events[i].offset, want[thread.id][i])
			}
			if settled[i] = random.IntN(4) > 0; settled[i] {
				queued--
			} else {
				left = append(left, events[i].offset)
			}
		}
		want[thread.id] = append(left, want[thread.id][count:]...)
		q.settle(thread, settled)
	}
	bytes := 0
	for id, thread := range q.threads {
		bytes += thread.loadedBytes
		var offsets []int64
		for _, e := range thread.events {
			offsets = append(offsets, e.offset)
		}
		if !slices.Equal(offsets, want[id]) {
			t.Errorf("thread %v differs", id)
		}
	}
	if q.events != queued || q.bytes != bytes {
		t.Errorf("%d events of %d bytes, counted %d of %d", q.events, q.bytes, queued, bytes)
	}
}
