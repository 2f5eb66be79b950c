package statemachine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// event sends an event and gives a step that consumes it.
func (h *harness) event(key string, id uint64, previous uint64) command.Step {
	h.Helper()
	offset := h.send(command.TopicResume, 0, record(1, key, "e"))
	return command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: key, Outcome: command.OutcomeSuspended,
		StepID: id, PreviousStepID: previous, Continuation: []byte("c")}
}

func (h *harness) start(key string, id uint64, hash command.BundleHash) {
	h.Helper()
	step := h.event(key, id, 0)
	step.Started, step.Hash = true, hash
	h.commitOK(step)
}

func TestHistoryKeepsTheNewestEntries(t *testing.T) {
	h := newHarness(t)
	h.start("t", 1, h.deploy(command.TopicResume, "v1"))
	for id := uint64(2); id <= 3*HistoryEntriesMax; id++ {
		h.commitOK(h.event("t", id, id-1))
	}
	stored := 0
	for key := range contents(t, h.store) {
		if strings.HasPrefix(key, "history") {
			stored++
		}
	}
	requireEqual(t, "stored entries", stored, HistoryEntriesMax)
	for _, limit := range []int{1, 10, HistoryEntriesMax, 1000} {
		history, err := h.store.History(command.TopicResume, "t", limit)
		if err != nil || len(history) != min(limit, HistoryEntriesMax) || history[len(history)-1].StepID != 3*HistoryEntriesMax {
			t.Errorf("limit %d: %d entries, %v", limit, len(history), err)
		}
	}
	if history, err := h.store.History(command.TopicResume, "t", 0); err != nil || len(history) != 0 {
		t.Errorf("limit 0: %d entries, %v", len(history), err)
	}
	step := h.event("t", 3*HistoryEntriesMax+1, 3*HistoryEntriesMax)
	step.Outcome, step.Continuation = command.OutcomeEnded, nil
	h.commitOK(step)
	history, err := h.store.History(command.TopicResume, "t", 1000)
	if err != nil || len(history) != HistoryEntriesMax || history[HistoryEntriesMax-1].Outcome != command.OutcomeEnded {
		t.Errorf("after the end: %d entries, %v", len(history), err)
	}
}

func TestLongTextsAreCutInHistory(t *testing.T) {
	h := newHarness(t)
	h.deploy(command.TopicResume, "v1")
	step := h.event("t", 0, 0)
	step.Outcome, step.Continuation = command.OutcomeUnmatched, nil
	step.Reason = strings.Repeat("é", 1000)
	step.Event = bytes.Repeat([]byte("x"), 1000)
	h.commitOK(step)
	history, err := h.store.History(command.TopicResume, "t", 1)
	if err != nil || len(history[0].Reason) > historyReasonBytesMax || !strings.HasSuffix(history[0].Reason, "é") || len(history[0].Event) != historyEventBytesMax {
		t.Errorf("%+v, %v", history, err)
	}
}

func TestEndedThreadsAreForgotten(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	end := func(key string, id uint64, now int64) {
		step := h.event(key, id, 0)
		step.Started, step.Hash, step.Outcome = true, hash, command.OutcomeEnded
		h.must(command.CommitSteps{Steps: []command.Step{step}, NowUnixMilli: now})
	}
	end("a", 1, 1_000_000)
	end("b", 2, 2_000_000)
	end("a", 3, 3_000_000) // again, so it ended later than b
	end("c", 4, 2_500_000+EndedRetentionMilli)
	if _, exists, _ := h.store.Thread(command.TopicResume, "b"); exists {
		t.Error("b is too old and still there")
	}
	for _, key := range []string{"a", "c"} {
		if _, exists, _ := h.store.Thread(command.TopicResume, key); !exists {
			t.Errorf("%s is gone", key)
		}
	}
	for key := range contents(t, h.store) {
		if strings.Contains(key, " b ") {
			t.Errorf("%s was left", key)
		}
	}
	end("d", 5, 4_000_000+EndedRetentionMilli)
	if _, exists, _ := h.store.Thread(command.TopicResume, "a"); exists {
		t.Error("a is too old and still there")
	}
	h.requireConsistent()
}

// The bound on the number of ended threads is large; what is pruned first is
// checked on the work image of a store with a counter that claims to be there.
func TestOldestEndedThreadsGoFirst(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	for i := range 20 {
		step := h.event(fmt.Sprintf("k%02d", i), uint64(i+1), 0)
		step.Started, step.Hash, step.Outcome = true, hash, command.OutcomeEnded
		h.must(command.CommitSteps{Steps: []command.Step{step}, NowUnixMilli: int64(1000 + i)})
	}
	topic := h.store.work.topics[command.TopicResume]
	topic.tally.ended += EndedThreadsMax + endedPruned - 20
	step := h.event("last", 21, 0)
	step.Started, step.Hash, step.Outcome = true, hash, command.OutcomeSuspended
	h.commitOK(step)
	page, err := h.store.Threads(ThreadsQuery{Status: command.ThreadEnded, Limit: 100})
	if err != nil || len(page.Threads) != 0 {
		t.Errorf("%d are left, %v", len(page.Threads), err)
	}
	requireEqual(t, "counted", topic.tally.ended, uint64(EndedThreadsMax+endedPruned-20))
	// From there on the walk begins after the graves.
	if topic.tally.endedFrom < 1019 {
		t.Errorf("the next walk begins at %d", topic.tally.endedFrom)
	}
}

// Commands of the runner have more steps than endedPruned, and each step may be for a key that
// nobody has heard of. What that leaves must not grow with every command.
func TestEndedThreadsGoAsFastAsTheyCome(t *testing.T) {
	for level, want := range map[command.Level]uint64{
		command.LevelPrunesAsMany - 1: EndedThreadsMax + 3*(1087-endedPruned), // all do as a node of an older release does
		command.LevelPrunesAsMany:     EndedThreadsMax,
	} {
		h := newHarness(t)
		h.must(command.RegisterNode{Node: nodeOf(1, 1, 1, level)})
		h.deploy(command.TopicResume, "v1")
		topic := h.store.work.topics[command.TopicResume]
		topic.tally.ended += EndedThreadsMax // as in TestOldestEndedThreadsGoFirst
		for n := range 3 {
			records, steps := make([]recordbatch.Record, 1087), make([]command.Step, 1087)
			for i := range steps {
				key := fmt.Sprint(n, "-", i)
				records[i] = record(1, key, "nobody's")
				steps[i] = command.Step{ResumeTopic: command.TopicResume, Offset: int64(n*len(steps) + i), Thread: key, Outcome: command.OutcomeUnmatched, Reason: "none"}
			}
			h.send(command.TopicResume, 0, records...)
			h.commitOK(steps...)
		}
		requireEqual(t, fmt.Sprint("left at level ", level), topic.tally.ended, want)
	}
}

func TestLargeContinuationsAreStoredApart(t *testing.T) {
	h := newHarness(t)
	h.start("t", 1, h.deploy(command.TopicResume, "v1"))
	for i, size := range []int{inlineContinuationBytes, inlineContinuationBytes + 1, 1 << 20, 1, 100_000} {
		step := h.event("t", uint64(i+2), uint64(i+1))
		step.Continuation = bytes.Repeat([]byte{byte(i)}, size)
		h.commitOK(step)
		requireEqual(t, "continuation", h.thread("t").Continuation, step.Continuation)
		header, _, err := h.store.ThreadHeader(command.TopicResume, "t")
		if err != nil || header.Continuation != nil {
			t.Errorf("header: %d bytes, %v", len(header.Continuation), err)
		}
		_, isApart := contents(t, h.store)["continuation t of "+command.TopicResume]
		requireEqual(t, "apart", isApart, size > inlineContinuationBytes)
	}
	// A fault keeps it, the end drops it.
	step := h.event("t", 7, 6)
	step.Outcome, step.Continuation, step.Event = command.OutcomeFaulted, nil, []byte("e")
	h.commitOK(step)
	requireEqual(t, "kept", len(h.thread("t").Continuation), 100_000)
	h.must(command.RetryThread{ResumeTopic: command.TopicResume, Thread: "t", NowUnixMilli: 1})
	requireEqual(t, "retried", len(h.thread("t").Continuation), 100_000)
	h.must(command.DeleteThread{ResumeTopic: command.TopicResume, Thread: "t", NowUnixMilli: 1})
	if _, isApart := contents(t, h.store)["continuation t of "+command.TopicResume]; isApart {
		t.Error("the continuation was left")
	}
}

func TestLimitsRefuseWithBothNumbers(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	h.start("t", 1, hash)
	for name, test := range map[string]struct {
		change func(*command.Step)
		n, max int
	}{
		"continuation": {func(s *command.Step) { s.Continuation = make([]byte, ContinuationBytesMax+1) }, ContinuationBytesMax + 1, ContinuationBytesMax},
		"refs":         {func(s *command.Step) { s.Refs = make([]string, RefsMax+1) }, RefsMax + 1, RefsMax},
		"ref":          {func(s *command.Step) { s.Refs = []string{strings.Repeat("r", RefBytesMax+1)} }, RefBytesMax + 1, RefBytesMax},
		"outputs":      {func(s *command.Step) { s.Outputs = make([]command.Output, OutputsMax+1) }, OutputsMax + 1, OutputsMax},
		"output record": {func(s *command.Step) {
			s.Outputs = []command.Output{{Topic: "out", Value: make([]byte, outputRecordBytesMax+1)}}
		}, outputRecordBytesMax + 1, outputRecordBytesMax},
		"key": {func(s *command.Step) { s.Thread = strings.Repeat("k", ThreadKeyBytesMax+1) }, ThreadKeyBytesMax + 1, ThreadKeyBytesMax},
	} {
		t.Run(name, func(t *testing.T) {
			step := h.event("t", 2, 1)
			test.change(&step)
			errs := h.commit(step)
			requireErrors(t, errs, command.ErrLimit)
			for _, n := range []int{test.n, test.max} {
				if !strings.Contains(errs[0].Error(), fmt.Sprint(n)) {
					t.Errorf("%v does not have %d", errs[0], n)
				}
			}
			requireEqual(t, "step of the thread", h.thread("t").StepID, uint64(1))
		})
	}
	requireErrors(t, []error{h.apply(command.AllocateProducerIDs{Count: 0}).(error)}, command.ErrLimit)
	requireErrors(t, []error{h.apply(command.Deploy{ResumeTopic: command.TopicResume, Bundle: make([]byte, BundleBytesMax+1)}).(error)}, command.ErrLimit)
}

func TestEventsBehindAFaultAreBounded(t *testing.T) {
	h := newHarness(t)
	h.start("t", 1, h.deploy(command.TopicResume, "v1"))
	fault := h.event("t", 2, 1)
	fault.Outcome, fault.Continuation, fault.Event = command.OutcomeFaulted, nil, []byte("e")
	h.commitOK(fault)
	var steps []command.Step
	for range KeptEventsMax + 5 {
		step := h.event("t", 0, 2)
		step.Outcome, step.Continuation, step.Event = command.OutcomeKept, nil, []byte("e")
		steps = append(steps, step)
	}
	h.commitOK(steps...)
	requireEqual(t, "kept", len(h.thread("t").KeptEvents), KeptEventsMax)
	history, err := h.store.History(command.TopicResume, "t", 1)
	if err != nil || history[0].Outcome != command.OutcomeUnmatched || !strings.Contains(history[0].Reason, fmt.Sprint(KeptEventsMax)) {
		t.Errorf("%+v, %v", history, err)
	}
	requireEqual(t, "unmatched", h.store.Unmatched(command.TopicResume), map[command.UnmatchedClass]uint64{command.UnmatchedKeptFull: 6})
}

// A new: of a faulted thread runs, and when it fails too its event is kept behind the
// others: as many as of any other kind.
func TestStartsThatFailBehindAFaultAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		event []byte
		kept  int
	}{
		"many":  {[]byte("new:1"), KeptEventsMax},
		"large": {make([]byte, 3<<20), KeptEventBytesMax / (3 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			hash := h.deploy(command.TopicResume, "v1")
			var steps []command.Step
			for i := range test.kept + 5 {
				step := h.event("t", uint64(i+1), 0)
				if i > 0 {
					step.PreviousStepID = min(uint64(i), uint64(test.kept))
				}
				step.Outcome, step.Continuation, step.Event = command.OutcomeFaulted, nil, test.event
				step.Started, step.Hash, step.Reason = true, hash, "because"
				steps = append(steps, step)
			}
			h.commitOK(steps...)
			thread := h.thread("t")
			requireEqual(t, "kept", len(thread.KeptEvents), test.kept)
			requireEqual(t, "fault", thread.Fault, "because")
			requireEqual(t, "unmatched", h.store.Unmatched(command.TopicResume), map[command.UnmatchedClass]uint64{command.UnmatchedKeptFull: 5})
			history, err := h.store.History(command.TopicResume, "t", 1)
			if err != nil || history[0].Outcome != command.OutcomeUnmatched || history[0].StepID != 0 {
				t.Errorf("%+v, %v", history, err)
			}
			h.must(command.RetryThread{ResumeTopic: command.TopicResume, Thread: "t", NowUnixMilli: 2000})
			h.requireConsistent()
		})
	}
}

func TestStepsOfOneCommandFollowEachOther(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	first := h.event("t", 1, 0)
	first.Started, first.Hash = true, hash
	var steps []command.Step
	steps = append(steps, first)
	for id := uint64(2); id < 20; id++ {
		step := h.event("t", id, id-1)
		step.Outputs = []command.Output{{Topic: "out", Key: []byte("k"), Value: fmt.Appendf(nil, "%d", id)}}
		steps = append(steps, step)
	}
	// One in the middle does not fit: those behind it don't either.
	steps[10].PreviousStepID = 99
	errs := h.commit(steps...)
	for i, err := range errs {
		want := error(nil)
		if i >= 10 {
			want = command.ErrStaleStep
		}
		requireErrors(t, []error{err}, want)
	}
	requireEqual(t, "outputs", h.values("out", 0), []string{"2", "3", "4", "5", "6", "7", "8", "9", "10"})
	if batches := h.batches("out"); batches != 1 {
		t.Errorf("the outputs of a command make %d batches", batches)
	}
}

func (h *harness) batches(topic string) (n int) {
	for key := range contents(h.T, h.store) {
		if strings.HasPrefix(key, "batch "+topic+"/") {
			n++
		}
	}
	return n
}

func TestManyOutputsAreCutIntoBatches(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	step := h.event("t", 1, 0)
	step.Started, step.Hash = true, hash
	for i := range 100 {
		step.Outputs = append(step.Outputs, command.Output{Topic: "out", Key: []byte("k"), Value: append(fmt.Appendf(nil, "%03d", i), make([]byte, 20_000)...)})
	}
	h.commitOK(step)
	if n := h.batches("out"); n != 4 {
		t.Errorf("%d batches", n)
	}
	for i, value := range h.values("out", 0) {
		if value[:3] != fmt.Sprintf("%03d", i) {
			t.Fatalf("record %d begins with %s", i, value[:3])
		}
	}
}

func TestBundlesStayAsLongAsTheyAreNeeded(t *testing.T) {
	h := newHarness(t)
	first := h.deploy(command.TopicResume, "v1")
	h.start("t", 1, first)
	second := h.deploy(command.TopicResume, "v2")
	third := h.deploy(command.TopicResume, "v3")
	require := func(hash command.BundleHash, want bool) {
		t.Helper()
		bundle, exists, err := h.store.Bundle(hash)
		if err != nil || exists != want || exists && !bytes.HasPrefix(hash[:], bundle) {
			t.Errorf("%q: %q, %v, %v", hash[:2], bundle, exists, err)
		}
	}
	require(first, true)
	require(second, false)
	require(third, true)
	h.must(command.DeleteThread{ResumeTopic: command.TopicResume, Thread: "t", NowUnixMilli: 1})
	require(first, false)
	// Deployed once more, it has the number that it had.
	h.deploy(command.TopicResume, "v2")
	require(second, true)
	require(third, false)
	h.start("u", 2, second)
	requireEqual(t, "hash", h.thread("u").Hash, second)
	h.must(command.DeleteTopics{Names: []string{command.TopicResume}})
	h.deploy("x", "v3")
	require(second, true) // still bound to the name
	h.deploy(command.TopicResume, "v3")
	require(second, false)
	h.requireConsistent()
}

func TestUnmatchedReasonsAreCountedByStem(t *testing.T) {
	for reason, want := range map[string]string{
		`ref "7:ref:1" is not pending`:     "ref is not pending",
		`ref "a \" b" is not pending`:      "ref is not pending",
		"invalid JSON: unexpected x":       "invalid JSON",
		"key of 5000 bytes":                "key of bytes",
		"":                                 "other",
		"42":                               "other",
		strings.Repeat("é", 500) + "tail":  strings.Repeat("é", 32),
		`"never closed and very long text`: "other",
	} {
		if got := unmatchedStem(reason); got != want {
			t.Errorf("%q: got %q, want %q", reason, got, want)
		}
	}
	counts := tally{}
	for i := range 100 {
		counts.countUnmatched("reason " + string(rune('a'+i%26)) + string(rune('a'+i/26)))
	}
	if len(counts.unmatched) > UnmatchedReasonsMax+1 || counts.unmatched["other"] == 0 {
		t.Errorf("%d counters", len(counts.unmatched))
	}
}

func TestDeletedTopicLeavesNothing(t *testing.T) {
	h := newHarness(t)
	w := newWorkload(h, 21)
	w.run(200)
	var names []string
	for _, topic := range h.store.Topics() {
		names = append(names, topic.Name)
	}
	h.must(command.DeleteTopics{Names: names, NowUnixMilli: w.now})
	h.must(command.DeleteTopics{NowUnixMilli: w.now})
	for key := range contents(t, h.store) {
		isOfNoTopic := key == "store" || key == "list of unmatched events" || strings.HasPrefix(key, "transaction ") && !strings.Contains(key, " on ")
		for _, prefix := range []string{"uses of", "bundle", "deployment", "look at", "quotas of", "configs of", "allow", "deny", "credential", "part ", "node", "level of"} {
			isOfNoTopic = isOfNoTopic || strings.HasPrefix(key, prefix)
		}
		if !isOfNoTopic {
			t.Errorf("%s was left", key)
		}
	}
	for _, letter := range keys.OfTopic {
		if err := scan(h.store.db, letter, func(key, _ []byte) error { return fmt.Errorf("%q was left", key) }); err != nil {
			t.Error(err)
		}
	}
	if ends := h.store.work.unmatched; ends.next == 0 || ends.bytes != 0 {
		t.Errorf("ends of the unmatched events: %+v", ends)
	}
	stats, err := h.store.Stats()
	if err != nil || stats.Suspended+stats.Faulted+stats.Ended+stats.Timers != 0 || stats.Topics != 0 {
		t.Errorf("%+v, %v", stats, err)
	}
	h.requireConsistent()
}

// Two leaders number their steps from the same last one, so a step of the first may name as its predecessor a number under which the thread has another
// step by now, one of the second leader's.
func TestStepBehindARefusedOneIsRefused(t *testing.T) {
	h := newHarness(t)
	h.must(command.RegisterNode{Node: nodeOf(1, 1, 1, command.NewestLevel)})
	hash := h.deploy(command.TopicResume, "v1")
	h.start("t", 10, hash)
	h.start("other", 11, hash)
	first, second := h.event("t", 12, 10), h.event("t", 13, 12)
	another := h.event("t", 12, 10)
	h.commitOK(another) // of the second leader, which has taken the events in another order
	of := h.event("other", 14, 11)
	requireErrors(t, h.commit(first, of, second), command.ErrStaleStep, nil, command.ErrStaleStep)
	if thread := h.thread("t"); thread.StepID != 12 || thread.Steps != 2 {
		t.Errorf("after the late steps: %+v", thread)
	}
	for _, step := range []command.Step{first, second} {
		if consumed, err := h.store.IsConsumed(command.TopicResume, 0, step.Offset); consumed || err != nil {
			t.Errorf("event %d is consumed: %v, %v", step.Offset, consumed, err)
		}
	}
	// The second leader goes on with them.
	first.StepID, first.PreviousStepID, second.StepID, second.PreviousStepID = 15, 12, 16, 15
	h.commitOK(first, second)
}

// As long as a node of an older release is in the cluster, all do as that one does.
func TestStepBehindARefusedOneIsJudgedAloneAtLevelOne(t *testing.T) {
	h := newHarness(t)
	h.must(command.RegisterNode{Node: nodeOf(1, 1, 1, 1)})
	h.must(command.RegisterNode{Node: nodeOf(2, 1, 1, command.NewestLevel)})
	h.start("t", 10, h.deploy(command.TopicResume, "v1"))
	first, second := h.event("t", 12, 10), h.event("t", 13, 12)
	h.commitOK(h.event("t", 12, 10))
	requireErrors(t, h.commit(first, second), command.ErrStaleStep, nil)
}
