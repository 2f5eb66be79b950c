package statemachine

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

func TestReadBatchesBeginsWithTheBatchThatHoldsTheOffset(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	var batches [][]byte
	for i := range 5 {
		records := make([]recordbatch.Record, i+1)
		batch := recordbatch.Append(nil, records, recordbatch.Options{})
		batches = append(batches, batch)
		h.must(command.AppendRecords{Appends: []command.Append{{Topic: "t", Batch: batch}}, NowUnixMilli: 1})
	}
	// Batches hold 0, 1-2, 3-5, 6-9, 10-14.
	size := func(from, to int) (n int) {
		for _, b := range batches[from:to] {
			n += len(b)
		}
		return n
	}
	for _, test := range []struct {
		offset   int64
		bytesMax int
		want     int
	}{
		{0, 1 << 20, size(0, 5)}, {0, 0, size(0, 1)}, {0, 1, size(0, 1)}, {2, 1 << 20, size(1, 5)},
		{3, size(2, 4), size(2, 4)}, {3, size(2, 4) - 1, size(2, 3)}, {14, 1 << 20, size(4, 5)}, {15, 1 << 20, 0},
	} {
		data, err := h.store.ReadBatches("t", 0, test.offset, test.bytesMax)
		if err != nil || len(data) != test.want {
			t.Errorf("from %d, at most %d: got %d bytes, %v, want %d", test.offset, test.bytesMax, len(data), err, test.want)
		}
	}
	for _, offset := range []int64{-1, 16} {
		if _, err := h.store.ReadBatches("t", 0, offset, 1); !errors.Is(err, command.ErrOffsetOutOfRange) {
			t.Errorf("from %d: %v", offset, err)
		}
	}
	h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: 4}}})
	if _, err := h.store.ReadBatches("t", 0, 3, 1); !errors.Is(err, command.ErrOffsetOutOfRange) {
		t.Errorf("from a deleted offset: %v", err)
	}
	if data, err := h.store.ReadBatches("t", 0, 4, 1); err != nil || len(data) != size(2, 3) {
		t.Errorf("from the middle of a batch: %d bytes, %v", len(data), err)
	}
	for _, name := range []string{"t", "u"} {
		if _, err := h.store.ReadBatches(name, 1, 0, 1); !errors.Is(err, command.ErrUnknownTopic) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Lookups by time, and what retention would delete, against a walk over all
// records; with batches large enough that the index has many entries.
func TestLookupsByTimeAndSizeAreThoseOfAWalk(t *testing.T) {
	for seed := range uint64(3) {
		h := newHarness(t)
		h.create("t", 1)
		random := rand.New(rand.NewPCG(seed, 9))
		now := int64(1000)
		for range 60 {
			now += random.Int64N(100)
			var records []recordbatch.Record
			for range 1 + random.IntN(5) {
				records = append(records, record(now-random.Int64N(150), "k", strings.Repeat("x", random.IntN(9000))))
			}
			h.send("t", 0, records...)
		}
		for range 3 {
			requireSameLookups(t, h, now)
			requireSameRetention(t, h, now)
			state, err := h.store.Partition("t", 0)
			if err != nil {
				t.Fatal(err)
			}
			h.must(command.DeleteRecords{Trims: []command.Trim{{Topic: "t", Offset: state.StartOffset + 30}}})
			requireSize(t, h)
		}
	}
}

func requireSameLookups(t *testing.T, h *harness, now int64) {
	t.Helper()
	all := h.records("t", 0)
	for at := int64(800); at < now+100; at += 13 {
		i := slices.IndexFunc(all, func(r recordbatch.Record) bool { return r.TimestampUnixMilli >= at })
		offset, timestamp, found, err := h.store.OffsetForTimestamp("t", 0, at)
		if err != nil || found != (i >= 0) || found && (offset != all[i].Offset || timestamp != all[i].TimestampUnixMilli) {
			t.Fatalf("time %d: got %d at %d, %v, %v, want record %d", at, offset, timestamp, found, err, i)
		}
	}
}

// eachHeader lists the headers of all batches.
func eachHeader(t *testing.T, h *harness) (headers []recordbatch.Header) {
	t.Helper()
	state, err := h.store.Partition("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := h.store.ReadBatches("t", 0, state.StartOffset, 1<<30)
	for len(data) > 0 && err == nil {
		var batch []byte
		var header recordbatch.Header
		if batch, data, err = recordbatch.Split(data); err == nil {
			header, err = recordbatch.ParseHeader(batch)
		}
		headers = append(headers, header)
	}
	if err != nil {
		t.Fatal(err)
	}
	return headers
}

func requireSize(t *testing.T, h *harness) {
	t.Helper()
	want := 0
	for _, header := range eachHeader(t, h) {
		want += header.Bytes()
	}
	state, err := h.store.Partition("t", 0)
	if err != nil || state.Bytes != int64(want) {
		t.Errorf("%d bytes, %v, want %d", state.Bytes, err, want)
	}
}

func requireSameRetention(t *testing.T, h *harness, now int64) {
	t.Helper()
	headers := eachHeader(t, h)
	state, err := h.store.Partition("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	for keep := int64(0); keep < 3000; keep += 97 {
		trims, err := h.store.RetentionTrims(now, Retention{Milli: keep, Bytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		want := state.StartOffset
		for _, header := range headers {
			if header.MaxTimestamp >= now-keep {
				break
			}
			want = header.NextOffset()
		}
		if got := trimmedTo(trims, state.StartOffset); got != want {
			t.Errorf("keeping %d ms: got %d, want %d", keep, got, want)
		}
	}
	for keep := int64(0); keep < state.Bytes+1000; keep += 20_011 {
		trims, err := h.store.RetentionTrims(now, Retention{Milli: -1, Bytes: keep})
		if err != nil {
			t.Fatal(err)
		}
		left := state.Bytes
		largest := 0
		for _, header := range headers {
			largest = max(largest, header.Bytes())
			if header.LastOffset() < trimmedTo(trims, state.StartOffset) {
				left -= int64(header.Bytes())
			}
		}
		if left < min(keep, state.Bytes) || left > keep+batchIndexBytes+int64(largest) {
			t.Errorf("keeping %d of %d bytes left %d", keep, state.Bytes, left)
		}
	}
}

func trimmedTo(trims []command.Trim, start int64) int64 {
	if len(trims) == 0 {
		return start
	}
	return trims[0].Offset
}

func TestRetentionKeepsEventsThatAreNotConsumed(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	h.send(command.TopicResume, 0, record(10, "a", "new:1"), record(10, "b", "new:1"))
	h.send(command.TopicResume, 0, record(10, "c", "new:1"))
	retention := Retention{Milli: 1, Bytes: 0}
	if trims, err := h.store.RetentionTrims(1_000_000, retention); err != nil || len(trims) > 0 {
		t.Errorf("got %v, %v", trims, err)
	}
	start := func(offset int64, key string, id uint64) command.Step {
		return command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: key, Outcome: command.OutcomeEnded, StepID: id, Started: true, Hash: hash}
	}
	h.commitOK(start(2, "c", 1), start(0, "a", 2))
	trims, err := h.store.RetentionTrims(1_000_000, retention)
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := h.store.Topic(command.TopicResume)
	requireEqual(t, "trims", trims, []command.Trim{{Topic: command.TopicResume, TopicID: spec.ID, Offset: 1}})
	h.must(command.DeleteRecords{Trims: trims})
	h.commitOK(start(1, "b", 3))
	trims, err = h.store.RetentionTrims(1_000_000, retention)
	if err != nil || len(trims) != 1 || trims[0].Offset != 3 {
		t.Errorf("got %v, %v", trims, err)
	}
	// Topics may keep more than the default.
	h.must(command.AlterTopicConfigs{Topic: command.TopicResume, Configs: map[string]*string{"retention.ms": ptr("-1"), "retention.bytes": ptr("-1")}})
	if trims, err := h.store.RetentionTrims(1_000_000, retention); err != nil || len(trims) > 0 {
		t.Errorf("got %v, %v", trims, err)
	}
}

func ptr(s string) *string { return &s }

// Producers without a clock send -1. Their records have the age that they have in the
// log, whatever came before and after them.
func TestRecordsWithoutTimestampAreKeptAsLongAsOthers(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	append1 := func(timestamp, now int64) {
		batch := recordbatch.Append(nil, []recordbatch.Record{record(timestamp, "k", strings.Repeat("v", 30_000))}, recordbatch.Options{})
		h.must(command.AppendRecords{Appends: []command.Append{{Topic: "t", Batch: batch}}, NowUnixMilli: now})
	}
	const hour = 3_600_000
	now := int64(1000 * hour)
	append1(now, now)
	for i := range int64(10) {
		append1(-1, now+(i+1)*hour)
	}
	trimmedAt := func(at int64) int64 {
		trims, err := h.store.RetentionTrims(at, Retention{Milli: 24 * hour, Bytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		return trimmedTo(trims, 0)
	}
	requireEqual(t, "trimmed at once", trimmedAt(now+10*hour), int64(0))
	requireEqual(t, "trimmed after a day", trimmedAt(now+24*hour+1), int64(1))
	if got := trimmedAt(now + 30*hour); got < 1 || got > 6 {
		t.Errorf("after 30 hours trimmed to %d, want 6 at most", got)
	}
	requireEqual(t, "trimmed after all", trimmedAt(now+34*hour+1), int64(11))
	h.requireConsistent()
}

func TestLogAppendTimeIsTheCommands(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1, "message.timestamp.type", "LogAppendTime")
	batch := recordbatch.Append(nil, []recordbatch.Record{record(5, "k", "v")}, recordbatch.Options{Codec: recordbatch.CodecZstd})
	h.must(command.AppendRecords{Appends: []command.Append{{Topic: "t", Batch: batch}}, NowUnixMilli: 9000})
	requireEqual(t, "time", h.records("t", 0)[0].TimestampUnixMilli, int64(9000))
	offset, timestamp, found, err := h.store.MaxTimestamp("t", 0)
	if err != nil || !found || offset != 0 || timestamp != 9000 {
		t.Error(offset, timestamp, found, err)
	}
}

func TestBadBatchesAreRefusedOneByOne(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	h.create(command.TopicScheduler, 1)
	good := recordbatch.Append(nil, []recordbatch.Record{record(5, "k", "v")}, recordbatch.Options{})
	flipped := slices.Clone(good)
	flipped[len(flipped)-1] ^= 1
	old := slices.Clone(good)
	old[16] = 1
	results := h.apply(command.AppendRecords{NowUnixMilli: 1, Appends: []command.Append{
		{Topic: "t", Batch: flipped}, {Topic: "t", Batch: good}, {Topic: "t", Batch: old}, {Topic: "t", Batch: nil},
		{Topic: "t", Partition: -1, Batch: good}, {Topic: "t", Batch: append(slices.Clone(good), good...)},
		{Topic: "t", Batch: make([]byte, BatchBytesMax+1)}, {Topic: "t", Batch: good},
	}}).([]command.AppendResult)
	var errs []error
	for _, r := range results {
		errs = append(errs, r.Err)
	}
	requireErrors(t, errs, recordbatch.ErrCRC, nil, recordbatch.ErrMagic, command.ErrInvalidBatch, command.ErrUnknownTopic,
		recordbatch.ErrLength, command.ErrLimit, nil)
	requireEqual(t, "offset", results[7].BaseOffset, int64(1))
	if !strings.Contains(results[6].Err.Error(), fmt.Sprint(BatchBytesMax)) || !strings.Contains(results[6].Err.Error(), fmt.Sprint(BatchBytesMax+1)) {
		t.Errorf("%v does not have both numbers", results[6].Err)
	}
}

func TestThreadsAreListedInPages(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	h.must(command.Deploy{App: "b", ResumeTopic: "b-resume", Hash: hash, Bundle: []byte("v1"), Topics: []command.Topic{{Name: "b-resume", Partitions: 1}}})
	want := map[command.ThreadStatus][]string{}
	id := uint64(0)
	for i := range 40 {
		for _, topic := range []string{command.TopicResume, "b-resume"} {
			key := fmt.Sprintf("k%d", i*7%40)
			offset := h.send(topic, 0, record(1, key, "new:1"))
			id++
			step := command.Step{ResumeTopic: topic, Offset: offset, Thread: key, StepID: id, Started: true, Hash: hash}
			step.Outcome = []command.Outcome{command.OutcomeSuspended, command.OutcomeEnded, command.OutcomeFaulted}[i%3]
			status := []command.ThreadStatus{command.ThreadSuspended, command.ThreadEnded, command.ThreadFaulted}[i%3]
			if i%3 == 0 {
				step.Continuation = make([]byte, 1+i*500)
			}
			h.commitOK(step)
			want[status] = append(want[status], topic+" "+key)
			want[0] = append(want[0], topic+" "+key)
		}
	}
	for status, all := range want {
		sort.Strings(all)
		for _, limit := range []int{1, 7, 1000} {
			requireEqual(t, fmt.Sprint("status ", status, " limit ", limit), pages(t, h, ThreadsQuery{Status: status, Limit: limit}), all)
		}
		var prefixed []string
		for _, name := range all {
			if strings.HasPrefix(name, "b-resume k3") {
				prefixed = append(prefixed, name)
			}
		}
		requireEqual(t, "prefix", pages(t, h, ThreadsQuery{ResumeTopic: "b-resume", Status: status, KeyPrefix: "k3", Limit: 2}), prefixed)
	}
	if _, err := h.store.Threads(ThreadsQuery{After: "!"}); !errors.Is(err, ErrCursor) {
		t.Errorf("got %v", err)
	}
	h.requireConsistent()
}

func pages(t *testing.T, h *harness, q ThreadsQuery) (names []string) {
	t.Helper()
	for {
		page, err := h.store.Threads(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range page.Threads {
			if thread.Continuation != nil {
				t.Error("a listed thread has a continuation")
			}
			names = append(names, thread.ResumeTopic+" "+thread.Key)
		}
		if page.Next == "" {
			return names
		}
		if len(page.Threads) != q.Limit {
			t.Errorf("%d threads on a page of %d", len(page.Threads), q.Limit)
		}
		q.After = page.Next
	}
}

func TestGroupsAndTheirOffsets(t *testing.T) {
	h := newHarness(t)
	h.create("a", 2)
	h.create("b", 1)
	for _, group := range []string{"g1", "g\x00", "g10", "z"} {
		h.must(command.CommitOffsets{Group: group, NowUnixMilli: 1, Offsets: []command.GroupOffset{
			{Topic: "b", Offset: 5, LeaderEpoch: -1, Metadata: "m"}, {Topic: "a", Partition: 1, Offset: 7}, {Topic: "a", Offset: 6}}})
	}
	groups, err := h.store.Groups()
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, "groups", groups, []string{"g\x00", "g1", "g10", "z"})
	offsets, err := h.store.CommittedOffsets("g1")
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, "offsets", offsets, []command.GroupOffset{{Topic: "a", Offset: 6}, {Topic: "a", Partition: 1, Offset: 7},
		{Topic: "b", Offset: 5, LeaderEpoch: -1, Metadata: "m"}})
	for _, test := range []struct {
		group, topic string
		want         bool
	}{{"g1", "a", true}, {"g2", "a", false}, {"g1", "nowhere", false}} {
		offset, exists, err := h.store.CommittedOffset(test.group, test.topic, 0)
		if err != nil || exists != test.want || exists && offset.Offset != 6 {
			t.Errorf("%+v: %+v, %v, %v", test, offset, exists, err)
		}
	}
	requireErrors(t, h.apply(command.CommitOffsets{Group: "g1", Offsets: []command.GroupOffset{
		{Topic: "a", Metadata: strings.Repeat("m", OffsetMetadataBytesMax+1)}, {Topic: "a", Partition: 2}}}).([]error),
		command.ErrLimit, command.ErrUnknownTopic)
	h.must(command.DeleteTopics{Names: []string{"a"}})
	if offsets, err = h.store.CommittedOffsets("g1"); err != nil || len(offsets) != 1 {
		t.Errorf("after the topic was deleted: %v, %v", offsets, err)
	}
}

func TestWatchersAreWokenByAppendsToTheirPartitions(t *testing.T) {
	h := newHarness(t)
	h.create("a", 2)
	h.create(command.TopicResume, 1)
	wake := make(chan struct{}, 1)
	cancel := h.store.Watch([]command.TopicPartition{{Topic: "a", Partition: 1}, {Topic: "later"}}, wake)
	isWoken := func() bool {
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	changed := h.store.Changed()
	isChanged := func() bool {
		select {
		case <-changed:
			changed = h.store.Changed()
			return true
		default:
			return false
		}
	}
	h.send("a", 0, record(1, "k", "v"))
	requireEqual(t, "another partition", isWoken(), false)
	requireEqual(t, "no event", isChanged(), false)
	h.send("a", 1, record(1, "k", "v"))
	h.send("a", 1, record(1, "k", "v")) // must not block
	requireEqual(t, "its partition", isWoken(), true)
	requireEqual(t, "twice", isWoken(), false)
	h.create("later", 1)
	requireEqual(t, "a topic was made", isChanged(), true)
	h.send("later", 0, record(1, "k", "v"))
	requireEqual(t, "a topic that was made later", isWoken(), true)
	h.send(command.TopicResume, 0, record(1, "k", "v"))
	requireEqual(t, "an event", isChanged(), true)
	cancel()
	h.send("a", 1, record(1, "k", "v"))
	requireEqual(t, "after cancel", isWoken(), false)
}

// Readers beside Apply see whole states: offsets that are told can be read, and a
// thread's parts fit each other. Run with -race.
func TestReadersSeeWholeStatesBesideApply(t *testing.T) {
	h := newHarness(t)
	hash := h.deploy(command.TopicResume, "v1")
	h.send(command.TopicResume, 0, record(1, "t", "new:0"))
	h.commitOK(command.Step{ResumeTopic: command.TopicResume, Thread: "t", Outcome: command.OutcomeSuspended, StepID: 1, Started: true,
		Hash: hash, Continuation: []byte{1}, Refs: []string{"1"}})
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				thread, exists, err := h.store.Thread(command.TopicResume, "t")
				if err != nil || !exists || fmt.Sprint(thread.StepID) != thread.Refs[0] {
					t.Errorf("%+v, %v, %v", thread.StepID, exists, err)
					return
				}
				if len(thread.Continuation) > 1 && thread.Continuation[0] != byte(thread.StepID) {
					t.Errorf("step %d has the continuation of step %d", thread.StepID, thread.Continuation[0])
					return
				}
				state, err := h.store.Partition(command.TopicResume, 0)
				if err != nil {
					t.Error(err)
					return
				}
				if data, err := h.store.ReadBatches(command.TopicResume, 0, state.NextOffset-1, 1); err != nil || len(data) == 0 {
					t.Errorf("the last record of %+v: %d bytes, %v", state, len(data), err)
					return
				}
			}
		})
	}
	for i := range uint64(200) {
		offset := h.send(command.TopicResume, 0, record(1, "t", "x"))
		id := i + 2
		h.commitOK(command.Step{ResumeTopic: command.TopicResume, Offset: offset, Thread: "t", Outcome: command.OutcomeSuspended,
			StepID: id, PreviousStepID: id - 1, Continuation: append([]byte{byte(id)}, make([]byte, int(id%3)*inlineContinuationBytes)...),
			Refs: []string{fmt.Sprint(id)}})
	}
	close(done)
	readers.Wait()
}

// What compaction is to keep must not go by age or size.
func TestRetentionIsForTopicsWithThePolicyDelete(t *testing.T) {
	h := newHarness(t)
	for policy, isTrimmed := range map[string]bool{"delete": true, "compact": false, "compact, delete": true, "": false} {
		name := "t-" + hex.EncodeToString([]byte(policy))
		h.create(name, 1, "cleanup.policy", policy, "retention.ms", " 1000 ")
		h.send(name, 0, record(1000, "k", "v"))
		for _, absent := range []Retention{{Milli: -1, Bytes: -1}, {Milli: 0, Bytes: -1}, {Milli: -1, Bytes: 0}} {
			trims, err := h.store.RetentionTrims(10_000, absent)
			if err != nil {
				t.Fatal(err)
			}
			got := slices.ContainsFunc(trims, func(trim command.Trim) bool { return trim.Topic == name })
			if got != isTrimmed {
				t.Errorf("policy %q, %+v where topics have none: trimmed %v, want %v", policy, absent, got, isTrimmed)
			}
		}
	}
}
