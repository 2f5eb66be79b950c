package statemachine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// workload makes commands of all kinds that mostly fit the state of a store, from
// a seed. Some are refused, as in life.
type workload struct {
	*harness
	random *rand.Rand
	now    int64
	stepID uint64
	// bundles counts deployments; each has another bundle.
	bundles int
	// sequences are the next ones of transactional producers.
	sequences map[txnPlace]int32
}

func newWorkload(h *harness, seed uint64) *workload {
	return &workload{harness: h, random: rand.New(rand.NewPCG(seed, 7)), now: 1_700_000_000_000, sequences: map[txnPlace]int32{}}
}

// run applies n commands, after those that make the topics.
func (w *workload) run(n int) {
	w.Helper()
	w.apply(command.CreateTopics{Topics: []command.Topic{
		{Name: command.TopicResume, Partitions: 3}, {Name: command.TopicScheduler, Partitions: 2},
		{Name: "out", Partitions: 2}, {Name: "other", Partitions: 1}}, NowUnixMilli: w.now})
	w.deployNext()
	table := w.createTable()
	for range n {
		w.now += w.random.Int64N(2000) - 500
		w.next()
		table.next(w.now)
	}
}

func (w *workload) key() string { return fmt.Sprintf("thread-%d", w.random.IntN(12)) }

func (w *workload) text(bytesMax int) []byte {
	text := make([]byte, w.random.IntN(bytesMax))
	for i := range text {
		text[i] = "abcdefghij"[w.random.IntN(10)]
	}
	return text
}

func (w *workload) next() {
	if w.random.IntN(4) == 0 {
		w.transact()
		return
	}
	switch n := w.random.IntN(100); {
	case n < 30:
		w.appendSome(command.TopicResume, 3)
	case n < 40:
		w.appendSome(command.TopicScheduler, 2)
	case n < 75:
		w.commitSteps()
	case n < 80:
		w.fireTimers()
	case n < 83:
		w.apply(command.RetryThread{ResumeTopic: command.TopicResume, Thread: w.key(), NowUnixMilli: w.now})
	case n < 85:
		w.apply(command.DeleteThread{ResumeTopic: command.TopicResume, Thread: w.key(), NowUnixMilli: w.now})
	case n < 88:
		w.deployNext()
	case n < 92:
		w.trim()
	case n < 95:
		w.apply(command.CommitOffsets{Group: "g" + w.key(), NowUnixMilli: w.now, Offsets: []command.GroupOffset{
			{Topic: "out", Partition: w.random.Int32N(3), Offset: w.random.Int64N(100), Metadata: "m"}}})
	case n < 96:
		w.storeGroup()
		w.apply(command.KeepOffsets{Groups: []string{"gthread-1", "gthread-2"}, NowUnixMilli: w.now})
		w.apply(command.RenewOffsets{Of: []command.GroupTopic{{Group: "gthread-2", Topic: "out"}, {Group: "gthread-3", Topic: "other"}}, NowUnixMilli: w.now})
		w.apply(command.ExpireOffsets{Groups: []string{"gthread-2", "gthread-3", "gthread-4"}, BeforeUnixMilli: w.now - 20_000})
		w.apply(command.DeleteGroups{Groups: []string{"g" + w.key()}})
	case n < 97:
		w.apply(command.DeleteTopics{Names: []string{"other"}, NowUnixMilli: w.now})
	case n < 98:
		w.apply(command.CreateTopics{Topics: []command.Topic{{Name: "other", Partitions: 2}}, NowUnixMilli: w.now})
	case n < 99:
		w.alterSecurity()
		w.apply(command.AllocateProducerIDs{Count: w.random.Int64N(5)})
		name := command.QuotaName{Kind: command.QuotaNamed, Name: fmt.Sprint("user-", w.now%5)}
		w.apply(command.AlterClientQuotas{Alterations: []command.QuotaAlteration{
			{Entity: command.QuotaEntity{User: name}, Set: map[string]float64{"producer_byte_rate": float64(w.now) / 3}},
			{Entity: command.QuotaEntity{ClientID: name, IP: command.QuotaName{Kind: command.QuotaDefault}}, Remove: []string{"producer_byte_rate"}},
		}})
		w.apply(command.AlterGroupConfigs{Group: fmt.Sprint("g", w.now%5), Set: map[string]string{"consumer.session.timeout.ms": fmt.Sprint(w.now)}})
		w.apply(command.RegisterNode{Node: command.Node{ID: int32(w.now % 4), DirectoryID: [16]byte{byte(w.now % 2)}, StartID: [16]byte{byte(w.now)}, Level: 1 + command.Level(w.now/50_000%3), Rack: "a"}})
		w.apply(command.ForgetNode{NodeID: int32(w.now % 7)})
		w.apply(command.AlterGroupConfigs{Group: fmt.Sprint("g", w.now%3), Remove: []string{"consumer.session.timeout.ms"}})
	default:
		value := fmt.Sprint(w.random.IntN(100_000))
		w.apply(command.AlterTopicConfigs{Topic: "out", Configs: map[string]*string{"retention.ms": &value, "retention.bytes": nil}})
	}
}

func (w *workload) storeGroup() {
	// Its own numbers, so that those who chose a seed for what it shows keep that.
	random := rand.New(rand.NewPCG(uint64(w.now), 22))
	group := func() string { return fmt.Sprintf("gthread-%d", random.IntN(12)) }
	com := command.StoreGroup{Group: group(), IsWhole: random.IntN(3) == 0}
	for range random.IntN(4) {
		part := command.GroupPart{Name: fmt.Sprintf("member-%d", random.IntN(3))}
		if random.IntN(4) > 0 {
			part.Value = fmt.Appendf(nil, "part %d", random.IntN(50))
		}
		com.Parts = append(com.Parts, part)
	}
	w.apply(com)
	w.apply(command.DeleteOffsets{Group: group(), Offsets: []command.TopicPartition{{Topic: "out", Partition: random.Int32N(3)}}})
}

// alterSecurity makes and deletes ACLs and credentials, some of them twice or not at
// all.
func (w *workload) alterSecurity() {
	random := rand.New(rand.NewPCG(uint64(w.now), 27))
	key := func() string { return fmt.Sprintf("thread-%d", random.IntN(12)) }
	acl := func() command.ACL {
		return command.ACL{ResourceType: int8(1 + random.IntN(7)), Pattern: int8(3 + random.IntN(2)), Name: key(), Principal: "User:a",
			Host: "*", Operation: int8(2 + random.IntN(3)), Permission: int8(2 + random.IntN(2))}
	}
	user := func() command.ScramUser {
		return command.ScramUser{User: key(), Mechanism: command.ScramMechanism(1 + random.IntN(3))}
	}
	credential := func() command.ScramCredential {
		secret := make([]byte, 32+32*random.IntN(2))
		return command.ScramCredential{ScramUser: user(), Iterations: random.Int32N(5000), Salt: make([]byte, random.IntN(20)), StoredKey: secret, ServerKey: secret}
	}
	w.apply(command.CreateACLs{ACLs: []command.ACL{acl(), acl(), acl()}})
	if list := w.store.ACLs().List; len(list) > 0 {
		w.apply(command.DeleteACLs{ACLs: []command.ACL{list[random.IntN(len(list))], acl()}})
	}
	w.apply(command.AlterScramCredentials{Deletions: []command.ScramUser{user()}, Upserts: []command.ScramCredential{credential(), credential()},
		IfNone: random.IntN(4) == 0})
}

func (w *workload) deployNext() {
	w.bundles++
	bundle := fmt.Sprintf("bundle %d", w.bundles)
	w.apply(command.Deploy{App: "app", ResumeTopic: command.TopicResume, Hash: bundleHash(bundle), Bundle: []byte(bundle),
		Topics: []command.Topic{{Name: command.TopicResume, Partitions: 3}, {Name: "out", Partitions: 2}}, NowUnixMilli: w.now})
}

func (w *workload) appendSome(topic string, partitions int32) {
	var appends []command.Append
	for range 1 + w.random.IntN(3) {
		var records []recordbatch.Record
		for range 1 + w.random.IntN(4) {
			r := recordbatch.Record{TimestampUnixMilli: w.now - w.random.Int64N(1000), Key: []byte(w.key()), Value: w.text(2000)}
			if topic == command.TopicScheduler {
				r.Key = append(r.Key, "|event"...)
				r.Value = fmt.Appendf(nil, "%d", w.random.IntN(5)*w.random.IntN(5000))
			}
			records = append(records, r)
		}
		options := recordbatch.Options{Codec: recordbatch.Codec(w.random.IntN(5))}
		if w.random.IntN(2) == 0 {
			options.Producer = &recordbatch.Producer{ID: w.random.Int64N(3), Epoch: int16(w.random.IntN(2)), BaseSequence: w.random.Int32N(3)}
		}
		appends = append(appends, command.Append{Topic: topic, Partition: w.random.Int32N(partitions),
			Batch: recordbatch.Append(nil, records, options)})
	}
	w.apply(command.AppendRecords{Appends: appends, NowUnixMilli: w.now})
}

// commitSteps commits what a runner could, for events that are not consumed.
func (w *workload) commitSteps() {
	var steps []command.Step
	taken := map[string]bool{}
	for p := range int32(3) {
		state, err := w.store.Partition(command.TopicResume, p)
		if err != nil {
			w.Fatal(err)
		}
		for offset := state.StartOffset; offset < state.NextOffset && len(steps) < 8; offset++ {
			isConsumed, err := w.store.IsConsumed(command.TopicResume, p, offset)
			if err != nil {
				w.Fatal(err)
			}
			key := w.key()
			if isConsumed || taken[key] || w.random.IntN(4) == 0 {
				continue
			}
			taken[key] = true
			steps = append(steps, w.step(p, offset, key))
		}
	}
	w.apply(command.CommitSteps{Steps: steps, NowUnixMilli: w.now})
}

func (w *workload) step(partition int32, offset int64, key string) command.Step {
	thread, _, err := w.store.ThreadHeader(command.TopicResume, key)
	if err != nil {
		w.Fatal(err)
	}
	step := command.Step{ResumeTopic: command.TopicResume, Partition: partition, Offset: offset, Thread: key, Event: w.text(300)}
	isLive := thread.Status == command.ThreadSuspended || thread.Status == command.ThreadFaulted
	if isLive {
		step.PreviousStepID = thread.StepID
	}
	step.Outcome = command.Outcome(1 + w.random.IntN(5))
	if thread.Status == command.ThreadFaulted && w.random.IntN(3) > 0 {
		step.Outcome = command.OutcomeKept
	}
	switch step.Outcome {
	case command.OutcomeSuspended, command.OutcomeEnded, command.OutcomeFaulted:
		w.stepID++
		step.StepID = w.stepID
		step.Started = !isLive || w.random.IntN(6) == 0
		deployment, _ := w.store.Deployment(command.TopicResume)
		step.Hash = deployment.Hash
	}
	switch step.Outcome {
	case command.OutcomeSuspended:
		step.Continuation = append([]byte("c"), w.text(600)...)
		if w.random.IntN(10) == 0 {
			step.Continuation = append(step.Continuation, make([]byte, inlineContinuationBytes)...)
		}
		step.Refs = []string{fmt.Sprintf("%d:ref:1", step.StepID)}
	case command.OutcomeFaulted, command.OutcomeUnmatched:
		step.Reason = "because"
	}
	for range w.random.IntN(3) {
		topics := []string{"out", command.TopicResume, command.TopicScheduler, "other"}
		output := command.Output{Topic: topics[w.random.IntN(len(topics))], Key: []byte(w.key()), Value: w.text(100)}
		if output.Topic == command.TopicScheduler {
			output.Key, output.Value = append(output.Key, "|out"...), []byte("1000")
		}
		step.Outputs = append(step.Outputs, output)
	}
	return step
}

func (w *workload) fireTimers() {
	timers, err := w.store.TimersDueBy(w.now, 5)
	if err != nil {
		w.Fatal(err)
	}
	timers = append(timers, command.TimerKey{Topic: command.TopicScheduler, Key: w.key() + "|event", DueUnixMilli: w.now})
	w.apply(command.FireTimers{Timers: timers, NowUnixMilli: w.now})
}

func (w *workload) trim() {
	topics := []string{"out", command.TopicResume, command.TopicScheduler}
	topic := topics[w.random.IntN(len(topics))]
	state, err := w.store.Partition(topic, 0)
	if err != nil {
		w.Fatal(err)
	}
	offset := state.StartOffset + w.random.Int64N(state.NextOffset-state.StartOffset+2)
	w.apply(command.DeleteRecords{Trims: []command.Trim{{Topic: topic, Partition: 0, Offset: offset}}})
}

// recorded is the log of a workload and the hash of the state after it.
func recorded(t *testing.T, seed uint64, n int) (log []Entry, hash [32]byte) {
	t.Helper()
	h := newHarness(t)
	newWorkload(h, seed).run(n)
	h.requireConsistent()
	return h.log, h.hash()
}
