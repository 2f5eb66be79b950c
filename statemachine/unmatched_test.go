package statemachine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// mismatch sends events with one key and commits that nothing waited for them. It
// takes one Apply for each.
func (h *harness) mismatch(topic, key string, values ...string) {
	h.Helper()
	records := make([]recordbatch.Record, len(values))
	for i, value := range values {
		records[i] = record(1, key, value)
	}
	first := h.send(topic, 0, records...)
	steps := make([]command.Step, len(values))
	for i, value := range values {
		steps[i] = command.Step{ResumeTopic: topic, Offset: first + int64(i), Thread: key,
			Outcome: command.OutcomeUnmatched, Reason: "no such thread", Event: []byte(value)}
	}
	h.commitOK(steps...)
}

// unmatchedValues is the values of all pages, the newest first.
func (h *harness) unmatchedValues(q UnmatchedQuery) []string {
	h.Helper()
	values := []string{}
	for {
		page, err := h.store.UnmatchedEvents(q)
		if err != nil {
			h.Fatal(err)
		}
		if len(page.Events) > q.Limit {
			h.Fatalf("a page of %d events, the limit is %d", len(page.Events), q.Limit)
		}
		for _, e := range page.Events {
			values = append(values, string(e.Value))
		}
		if q.After = page.Next; q.After == "" {
			return values
		}
	}
}

func (h *harness) requireRing() {
	h.Helper()
	stored, bytes := uint64(0), uint64(0)
	if err := scan(h.store.db, 'u', func(_, value []byte) error {
		stored++
		bytes += uint64(len(value))
		return nil
	}); err != nil {
		h.Fatal(err)
	}
	ends := h.store.work.unmatched
	if stored > ends.next-ends.first || ends.next-ends.first > UnmatchedEventsMax || bytes != ends.bytes || bytes > UnmatchedBytesMax {
		h.Errorf("%d events of %d bytes are stored; %+v", stored, bytes, ends)
	}
	h.requireConsistent()
}

func TestUnmatchedEventsAreListedNewestFirst(t *testing.T) {
	h := newHarness(t)
	h.deploy(command.TopicResume, "v1")
	h.deploy("other", "v1")
	h.mismatch(command.TopicResume, "a", "1", "2")
	h.mismatch("other", "b", "3")
	h.mismatch(command.TopicResume, "", "4")
	h.mismatch("other", "b", "5", "6")
	for _, limit := range []int{1, 2, 3, 6, 100} {
		requireEqual(t, fmt.Sprint("all, limit ", limit), h.unmatchedValues(UnmatchedQuery{Limit: limit}), []string{"6", "5", "4", "3", "2", "1"})
		requireEqual(t, fmt.Sprint("one topic, limit ", limit), h.unmatchedValues(UnmatchedQuery{Limit: limit, ResumeTopic: "other"}), []string{"6", "5", "3"})
	}
	requireEqual(t, "unknown topic", h.unmatchedValues(UnmatchedQuery{Limit: 1, ResumeTopic: "elsewhere"}), []string{})
	page, err := h.store.UnmatchedEvents(UnmatchedQuery{Limit: 1})
	requireEqual(t, "newest", page.Events, []UnmatchedEvent{{ResumeTopic: "other", Offset: 2, UnixMilli: 1000, Key: "b", Reason: "no such thread", Value: []byte("6")}})
	if err != nil {
		t.Error(err)
	}
	for _, cursor := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		if _, err := h.store.UnmatchedEvents(UnmatchedQuery{After: cursor}); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	h.must(command.DeleteTopics{Names: []string{"other"}})
	requireEqual(t, "after the delete", h.unmatchedValues(UnmatchedQuery{Limit: 2}), []string{"4", "2", "1"})
	h.requireRing()
}

// Events that came while a page was looked at do not shift the next one.
func TestUnmatchedPagesDoNotShift(t *testing.T) {
	h := newHarness(t)
	h.deploy(command.TopicResume, "v1")
	h.mismatch(command.TopicResume, "a", "1", "2", "3")
	page, err := h.store.UnmatchedEvents(UnmatchedQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.mismatch(command.TopicResume, "a", "4", "5")
	requireEqual(t, "rest", h.unmatchedValues(UnmatchedQuery{Limit: 1, After: page.Next}), []string{"2", "1"})
}

func TestOldestUnmatchedEventsGoByCount(t *testing.T) {
	h := newHarness(t)
	h.deploy(command.TopicResume, "v1")
	h.deploy("other", "v1")
	numbers := func(from, n int) []string {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprint(from + i)
		}
		return values
	}
	h.mismatch("other", "b", "hole")
	h.mismatch(command.TopicResume, "a", numbers(0, UnmatchedEventsMax-1)...)
	h.requireRing()
	h.must(command.DeleteTopics{Names: []string{"other"}})
	h.requireRing()
	// A hole is pushed out like an event.
	h.mismatch(command.TopicResume, "a", numbers(UnmatchedEventsMax-1, 1)...)
	requireEqual(t, "with the hole gone", len(h.unmatchedValues(UnmatchedQuery{Limit: 1000})), UnmatchedEventsMax)
	h.mismatch(command.TopicResume, "a", numbers(UnmatchedEventsMax, 10)...)
	values := h.unmatchedValues(UnmatchedQuery{Limit: 1000})
	if len(values) != UnmatchedEventsMax || values[0] != fmt.Sprint(UnmatchedEventsMax+9) || values[len(values)-1] != "10" {
		t.Errorf("%d values from %s to %s", len(values), values[0], values[len(values)-1])
	}
	h.requireRing()
}

func TestOldestUnmatchedEventsGoByBytes(t *testing.T) {
	h := newHarness(t)
	h.deploy(command.TopicResume, "v1")
	long := strings.Repeat("é", ThreadKeyBytesMax) // twice as long as a key may be
	last := ""
	for i := range 30 {
		values := make([]string, 100)
		for j := range values {
			values[j] = fmt.Sprintf("%04d%s", i*100+j, strings.Repeat("x", historyEventBytesMax))
			last = values[j]
		}
		h.mismatch(command.TopicResume, long, values...)
	}
	h.requireRing()
	ends := h.store.work.unmatched
	if ends.next != 3000 || ends.first == 0 || ends.bytes < UnmatchedBytesMax*9/10 {
		t.Errorf("%+v", ends)
	}
	page, err := h.store.UnmatchedEvents(UnmatchedQuery{Limit: 1})
	if err != nil || page.Events[0].Key != long[:ThreadKeyBytesMax] || string(page.Events[0].Value) != last[:historyEventBytesMax] {
		t.Errorf("%+v, %v", page.Events, err)
	}
}

// When an old entry can't be read, nothing of the command will be committed; that
// must not keep it from returning.
func TestFullListOfUnmatchedEventsReturnsFromAFailedRead(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	c := &change{store: h.store, work: h.store.work, batch: h.store.db.NewIndexedBatch(), err: errDisk}
	defer c.batch.Close()
	c.work.unmatched = unmatchedEnds{next: 1, bytes: UnmatchedBytesMax}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.listUnmatched(c.work.topics["t"], "k", &command.HistoryEntry{Reason: "because"})
	}()
	await(t, "listUnmatched", done)
}
