package statemachine

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// A record of the far future that is gone holds nothing back: what is behind it goes by its
// own time, and what has none by that of its append.
func TestRecordOfTheFutureThatIsDeletedHoldsNothingBack(t *testing.T) {
	const hour = 3_600_000
	now := int64(1000 * hour)
	for name, test := range map[string]struct {
		valueBytes int
		// mostAt is to what is trimmed at most, hours after the first record.
		mostAt map[int64]int64
	}{
		"less than the batch index has an entry for": {10, map[int64]int64{24: 1, 30: 1, 34: 1}},
		"a few entries of the batch index":           {30_000, map[int64]int64{24: 1, 30: 7, 34: 11}},
	} {
		h := newHarness(t)
		h.create("t", 1)
		append1 := func(timestamp, now int64) {
			batch := recordbatch.Append(nil, []recordbatch.Record{record(timestamp, "k", strings.Repeat("v", test.valueBytes))}, recordbatch.Options{})
			h.must(command.AppendRecords{Appends: []command.Append{{Topic: "t", Batch: batch}}, NowUnixMilli: now})
		}
		append1(now*1000, now)
		for i := range int64(10) {
			append1(-1, now+(i+1)*hour)
		}
		append1(now, now+10*hour)
		trimmedAt := func(at int64) int64 {
			trims, err := h.store.RetentionTrims(at, Retention{Milli: 24 * hour, Bytes: -1})
			if err != nil {
				t.Fatal(err)
			}
			return trimmedTo(trims, 0)
		}
		requireEqual(t, name+": with the record of the future", trimmedAt(now+100*hour), int64(0))
		h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: 1}}})
		reached := int64(0)
		for at, most := range test.mostAt {
			got := trimmedAt(now + at*hour)
			if got > most {
				t.Errorf("%s: trimmed to %d after %d hours, want %d at most", name, got, at, most)
			}
			reached = max(reached, got)
		}
		if test.valueBytes > 1000 && reached < 6 {
			t.Errorf("%s: trimmed to %d, though entries of the batch index are old enough", name, reached)
		}
		requireEqual(t, name+": when the last append is old", trimmedAt(now+34*hour+1), int64(12))
		h.requireConsistent()
	}
}

// What a topic says goes before what is so for all, whichever is more.
func TestRetentionIsThatOfTheTopic(t *testing.T) {
	h := newHarness(t)
	none, all := Retention{Milli: -1, Bytes: -1}, Retention{Milli: -1, Bytes: 0}
	for name, test := range map[string]struct {
		configs []string
		absent  Retention
		want    bool
	}{
		"nothing, nothing":        {nil, none, false},
		"nothing, all":            {nil, all, true},
		"all, nothing":            {[]string{"retention.bytes", "0"}, none, true},
		"nothing said, all":       {[]string{"retention.bytes", "-1"}, all, false},
		"more than there is, all": {[]string{"retention.bytes", "100000000"}, all, false},
		"by time, nothing":        {[]string{"retention.ms", "0"}, none, true},
		"not by time, by time":    {[]string{"retention.ms", "-1"}, Retention{Milli: 0, Bytes: -1}, false},
	} {
		topic := "t" + hex.EncodeToString([]byte(name))
		h.create(topic, 1, test.configs...)
		h.send(topic, 0, record(1, "k", strings.Repeat("x", batchIndexBytes)))
		trims, err := h.store.RetentionTrims(10_000, test.absent)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(trims, func(trim command.Trim) bool { return trim.Topic == topic }); got != test.want {
			t.Errorf("%s: trimmed %v, want %v", name, got, test.want)
		}
	}
}

// A record is kept for retention.ms to the millisecond, by its timestamp and not by that of
// its append, also one of 1970.
func TestRetentionByTimeIsExact(t *testing.T) {
	for _, at := range []int64{0, 1, 5000} {
		h := newHarness(t)
		h.create("t", 1, "retention.ms", "500")
		batch := recordbatch.Append(nil, []recordbatch.Record{record(at, "k", "v")}, recordbatch.Options{})
		h.must(command.AppendRecords{NowUnixMilli: 9000, Appends: []command.Append{{Topic: "t", Batch: batch}}})
		for range 2 {
			for _, test := range []struct{ now, want int64 }{{at + 500, 0}, {at + 501, 1}} {
				trims, err := h.store.RetentionTrims(test.now, Retention{Milli: -1, Bytes: -1})
				if got := trimmedTo(trims, 0); err != nil || got != test.want {
					t.Errorf("record of %d at %d: trimmed to %d, %v, want %d", at, test.now, got, err, test.want)
				}
			}
			// With a younger one behind it, it is the same.
			h.send("t", 0, record(at+2000, "k", "v"))
		}
	}
}
