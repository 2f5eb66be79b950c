package statemachine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// Timers against a slice that is sorted anew each time it is asked.
func TestTimersAreThoseOfASortedSlice(t *testing.T) {
	h := newHarness(t)
	h.create(command.TopicResume, 3)
	h.create(command.TopicScheduler, 2)
	random := rand.New(rand.NewPCG(5, 5))
	var twin []command.TimerKey
	now := int64(1_000_000)
	wake := make(chan struct{}, 1)
	defer h.store.WatchTimers(wake)()
	fired := 0

	for range 1500 {
		now += random.Int64N(50)
		key := fmt.Sprintf("t%d|e", random.IntN(40))
		switch random.IntN(3) {
		case 0, 1:
			before, hadBefore, err := h.store.NextTimerDue()
			if err != nil {
				t.Fatal(err)
			}
			select {
			case <-wake:
			default:
			}
			delay := random.Int64N(2000) * random.Int64N(2)
			h.send(command.TopicScheduler, random.Int32N(2), record(now, key, fmt.Sprint(delay)))
			twin = slices.DeleteFunc(twin, func(timer command.TimerKey) bool { return timer.Key == key })
			if delay > 0 {
				twin = append(twin, command.TimerKey{Topic: command.TopicScheduler, Key: key, DueUnixMilli: now + delay})
				isEarlier := !hadBefore || now+delay < before
				if isEarlier != (len(wake) == 1) {
					t.Fatalf("set for %d, next was %d (%v): woken %v", now+delay, before, hadBefore, len(wake) == 1)
				}
			}
		case 2:
			due, err := h.store.TimersDueBy(now, 1+random.IntN(10))
			if err != nil {
				t.Fatal(err)
			}
			result := h.must(command.FireTimers{Timers: due, NowUnixMilli: now})
			requireEqual(t, "fired", result, any(len(due)))
			fired += len(due)
			twin = slices.DeleteFunc(twin, func(timer command.TimerKey) bool { return slices.Contains(due, timer) })
		}
		slices.SortFunc(twin, func(a, b command.TimerKey) int {
			return int(a.DueUnixMilli-b.DueUnixMilli)*1000 + slices.Compare([]byte(a.Key), []byte(b.Key))
		})
		all, err := h.store.TimersDueBy(now+1_000_000, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(all, twin) {
			t.Fatalf("timers\n got %v\nwant %v", all, twin)
		}
		next, exists, err := h.store.NextTimerDue()
		if err != nil || exists != (len(twin) > 0) || exists && next != twin[0].DueUnixMilli {
			t.Fatalf("next %d, %v, %v; want %v", next, exists, err, twin)
		}
	}
	events := 0
	for p := range int32(3) {
		for _, r := range h.records(command.TopicResume, p) {
			events++
			if recordbatch.PartitionForKey(r.Key, 3) != p || string(r.Value) != "e" {
				t.Errorf("partition %d has %s = %s", p, r.Key, r.Value)
			}
		}
	}
	requireEqual(t, "events", events, fired)
	h.requireConsistent()
}

// dumbDedup remembers all batches of a producer for ever and looks at the last five.
type dumbDedup struct {
	epoch   int16
	batches []producerBatch
}

func (d *dumbDedup) append(h recordbatch.Header, next int64) (offset int64, err error) {
	if len(d.batches) == 0 && d.epoch == 0 {
		d.epoch = h.ProducerEpoch
	}
	switch {
	case h.ProducerEpoch < d.epoch:
		return 0, command.ErrInvalidProducerEpoch
	case h.ProducerEpoch > d.epoch:
		if h.BaseSequence != 0 {
			return 0, command.ErrOutOfOrderSequence
		}
		d.epoch, d.batches = h.ProducerEpoch, nil
	}
	for _, b := range d.batches[max(0, len(d.batches)-5):] {
		if b.baseSequence == h.BaseSequence && b.last == h.LastOffsetDelta {
			return b.baseOffset, nil
		}
	}
	if n := len(d.batches); n > 0 {
		last := int64(d.batches[n-1].baseSequence) + int64(d.batches[n-1].last)
		if int64(h.BaseSequence) != (last+1)%(1<<31) {
			return 0, command.ErrOutOfOrderSequence
		}
	}
	d.batches = append(d.batches, producerBatch{h.BaseSequence, h.LastOffsetDelta, next})
	return next, nil
}

func TestRepeatedBatchesAreThoseOfADumbTwin(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	random := rand.New(rand.NewPCG(6, 6))
	twins := map[int64]*dumbDedup{}
	next := int64(0)
	sequences := map[int64]int32{}
	outcomes := map[string]int{}
	for range 3000 {
		id := random.Int64N(4)
		twin := twins[id]
		if twin == nil {
			twin = &dumbDedup{}
			twins[id] = twin
			sequences[id] = 0x7fffffff - 20 // soon to wrap
		}
		count := 1 + random.IntN(3)
		sequence := sequences[id]
		switch n := random.IntN(20); {
		case n < 4 && len(twin.batches) > 0: // again, perhaps too late
			b := twin.batches[max(0, len(twin.batches)-1-random.IntN(7))]
			sequence, count = b.baseSequence, int(b.last)+1
		case n == 4:
			sequence += int32(random.IntN(3)) // perhaps a gap
			sequence &= 0x7fffffff
		case n == 5:
			sequence = 0
		}
		epoch := twin.epoch
		if random.IntN(12) == 0 {
			epoch = max(0, epoch+int16(random.IntN(3))-1)
		}
		batch := recordbatch.Append(nil, make([]recordbatch.Record, count), recordbatch.Options{
			Producer: &recordbatch.Producer{ID: id, Epoch: epoch, BaseSequence: sequence}})
		header, err := recordbatch.ParseHeader(batch)
		if err != nil {
			t.Fatal(err)
		}
		wantOffset, wantErr := twin.append(header, next)
		result := h.apply(command.AppendRecords{NowUnixMilli: 1, Appends: []command.Append{{Topic: "t", Batch: batch}}}).([]command.AppendResult)[0]
		if !errors.Is(result.Err, wantErr) || result.Err == nil && result.BaseOffset != wantOffset {
			t.Fatalf("producer %d epoch %d sequence %d: got %d, %v, want %d, %v", id, epoch, sequence, result.BaseOffset, result.Err, wantOffset, wantErr)
		}
		switch {
		case wantErr != nil:
			outcomes[wantErr.Error()]++
		case wantOffset == next:
			outcomes["appended"]++
			next += int64(count)
			sequences[id] = (sequence + int32(count)) & 0x7fffffff
		default:
			outcomes["repeat"]++
		}
	}
	for _, kind := range []string{"appended", "repeat", command.ErrInvalidProducerEpoch.Error(), command.ErrOutOfOrderSequence.Error()} {
		if outcomes[kind] < 10 {
			t.Errorf("the workload had %q only %d times: %v", kind, outcomes[kind], outcomes)
		}
	}
	state, err := h.store.Partition("t", 0)
	if err != nil || state.NextOffset != next {
		t.Errorf("%+v, %v, want it to end at %d", state, err, next)
	}
}

func TestIdleProducersAreForgotten(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	hour := int64(3_600_000)
	start := 500_000 * hour
	send := func(at, id int64, sequence int32) error {
		batch := recordbatch.Append(nil, make([]recordbatch.Record, 1), recordbatch.Options{Producer: &recordbatch.Producer{ID: id, BaseSequence: sequence}})
		return h.apply(command.AppendRecords{NowUnixMilli: at, Appends: []command.Append{{Topic: "t", Batch: batch}}}).([]command.AppendResult)[0].Err
	}
	for id := range int64(3) {
		if err := send(start, id, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := send(start+10*hour, 1, 1); err != nil { // 1 is heard of again
		t.Fatal(err)
	}
	if err := send(start+26*hour, 9, 0); err != nil {
		t.Fatal(err)
	}
	if err := send(start+26*hour, 0, 77); err != nil {
		t.Errorf("an idle producer is not forgotten: %v", err)
	}
	if err := send(start+26*hour, 1, 77); !errors.Is(err, command.ErrOutOfOrderSequence) {
		t.Errorf("a producer that was heard of is forgotten: %v", err)
	}
	n := 0
	for key := range contents(t, h.store) {
		if len(key) > 8 && key[:8] == "producer" {
			n++
		}
	}
	requireEqual(t, "producers", n, 3)
}

func TestConsumptionIsThatOfASet(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	for range 200 {
		c := consumption{}
		set := map[int64]bool{}
		for range 60 {
			offset := random.Int64N(80)
			if c.contains(offset) != set[offset] {
				t.Fatalf("%d in %+v: got %v, want %v", offset, c, c.contains(offset), set[offset])
			}
			if random.IntN(30) == 0 {
				c.skipTo(offset)
				for i := range offset {
					set[i] = true
				}
			} else if !set[offset] {
				c.add(offset)
				set[offset] = true
			}
			requireSound(t, &c)
			for i := range int64(82) {
				if c.contains(i) != set[i] {
					t.Fatalf("%d in %+v: got %v, want %v", i, c, c.contains(i), set[i])
				}
			}
			decoded, err := decodeConsumption(c.encode(nil))
			if err != nil || decoded.next != c.next || !slices.Equal(decoded.beyond, c.beyond) {
				t.Fatalf("%+v became %+v, %v", c, decoded, err)
			}
		}
	}
}

func requireSound(t *testing.T, c *consumption) {
	t.Helper()
	end := c.next
	for _, r := range c.beyond {
		if r.First <= end || r.Last < r.First {
			t.Fatalf("not sound: %+v", c)
		}
		end = r.Last + 1
	}
}
