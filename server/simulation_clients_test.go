package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"time"

	"kont/raftlog"
	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
	"kont/statemachine/runner"
)

// simulatedClients are all who send commands from outside: producers, producers with transactions, the services that workflows talk to, and an operator. They
// repeat what was not answered, as clients do.
type simulatedClients struct {
	simulation *simulation
	operator   *simulatedOperator
	producers  []*simulatedProducer
	writers    []*simulatedWriter
	service    *simulatedService

	// started are the threads that were asked for, in order; acknowledged those of which that is known to be in the log.
	started      []string
	acknowledged map[string]bool
	// numbers are what each counter must say in the end; undecided is empty then.
	numbers map[string][]int
	items   map[string][]int
	// again has the threads of the topic that is made again, generation how often it was made; hasAgain: it is there.
	again      []simulatedAgainThread
	generation byte
	hasAgain   bool
	// committed counts transactions.
	committed int
	next      int
	hasLocks  bool
	isOver    bool
}

func newSimulatedClients(s *simulation) *simulatedClients {
	c := &simulatedClients{simulation: s, acknowledged: map[string]bool{}, numbers: map[string][]int{}, items: map[string][]int{}}
	asks := func() simulatedAsker { return simulatedAsker{clients: c} }
	c.operator = &simulatedOperator{simulatedAsker: asks()}
	for range 3 {
		c.producers = append(c.producers, &simulatedProducer{simulatedAsker: asks(), id: -1, sequences: map[command.TopicPartition]int32{}})
	}
	for i := range 3 {
		c.writers = append(c.writers, &simulatedWriter{simulatedAsker: asks(), transactionalID: fmt.Sprint("writer-", i), bumpsEpoch: i > 0})
	}
	c.service = &simulatedService{clients: c, offsets: map[command.TopicPartition]int64{}}
	c.operator.begin()
	return c
}

// simulatedAgainThread is a thread of a topic that may have been deleted since.
type simulatedAgainThread struct {
	key        string
	generation byte
}

func simulatedAgainID(name string, generation byte) (id command.TopicID) {
	copy(id[:], name)
	id[15] = generation
	return id
}

// act lets one of them do something, if any of them has anything to do.
func (c *simulatedClients) act() bool {
	actors := []func() bool{c.operator.act, c.service.act, c.begin}
	for _, p := range c.producers {
		actors = append(actors, p.act)
	}
	for _, w := range c.writers {
		actors = append(actors, w.act)
	}
	for len(actors) > 0 {
		i := c.simulation.random.IntN(len(actors))
		if actors[i]() {
			return true
		}
		actors = slices.Delete(actors, i, i+1)
	}
	return false
}

// simulatedAsker asks for one thing at a time.
type simulatedAsker struct {
	clients   *simulatedClients
	isWaiting bool
}

// ask proposes a command; then is told its result. It is not told of failures: the client will ask again.
func (a *simulatedAsker) ask(com command.Command, then func(result any)) bool {
	data, err := command.Encode(com)
	if err != nil {
		panic(err)
	}
	a.isWaiting = true
	a.clients.simulation.propose(data, func(o raftlog.Outcome) {
		a.isWaiting = false
		if o.Err == nil {
			then(o.Result)
		}
	})
	return true
}

// failf is for what a client must never be told.
func (a *simulatedAsker) failf(format string, args ...any) {
	a.clients.simulation.failf(format, args...)
}

// simulatedRecord is a record to be sent.
type simulatedRecord struct {
	topic, key, value string
	// partition is one more than the number of the partition, 0 for that of the key.
	partition int32
	topicID   command.TopicID
	onThere   func()
}

func (r simulatedRecord) place() command.TopicPartition {
	if r.partition > 0 {
		return command.TopicPartition{Topic: r.topic, Partition: r.partition - 1}
	}
	return command.TopicPartition{Topic: r.topic, Partition: recordbatch.PartitionForKey([]byte(r.key), simulatedPartitions)}
}

// batchOf takes the first record and those behind it that go to the same place.
func batchOf(todo []simulatedRecord, max int) (batch []simulatedRecord) {
	for _, r := range todo {
		if len(batch) == max || len(batch) > 0 && (r.place() != batch[0].place() || r.topicID != batch[0].topicID) {
			break
		}
		batch = append(batch, r)
	}
	return batch
}

func appendOf(batch []simulatedRecord, o recordbatch.Options, transactionalID string) command.AppendRecords {
	var records []recordbatch.Record
	for _, r := range batch {
		record := recordbatch.Record{TimestampUnixMilli: -1, Key: []byte(r.key), Value: []byte(r.value)}
		if r.value == "" {
			record.Value = nil // a tombstone
		}
		records = append(records, record)
	}
	place := batch[0].place()
	return command.AppendRecords{NowUnixMilli: time.Now().UnixMilli(), Appends: []command.Append{
		{Topic: place.Topic, Partition: place.Partition, Batch: recordbatch.Append(nil, records, o), TransactionalID: transactionalID, TopicID: batch[0].topicID}}}
}

// simulatedProducer is an idempotent producer: what it repeats is there once.
type simulatedProducer struct {
	simulatedAsker
	id        int64
	todo      []simulatedRecord
	batch     []simulatedRecord
	sequences map[command.TopicPartition]int32
}

func (p *simulatedProducer) send(records ...simulatedRecord) { p.todo = append(p.todo, records...) }

func (p *simulatedProducer) act() bool {
	switch {
	case p.isWaiting || len(p.todo) == 0 && p.batch == nil:
		return false
	case p.id < 0:
		return p.ask(command.AllocateProducerIDs{Count: 1}, func(result any) { p.id = result.(int64) })
	case p.batch == nil:
		p.batch = batchOf(p.todo, 1+p.clients.simulation.random.IntN(4))
		p.todo = p.todo[len(p.batch):]
	}
	place := p.batch[0].place()
	com := appendOf(p.batch, recordbatch.Options{Producer: &recordbatch.Producer{ID: p.id, BaseSequence: p.sequences[place]}}, "")
	return p.ask(com, func(result any) {
		err := result.([]command.AppendResult)[0].Err
		if errors.Is(err, command.ErrUnknownTopic) && place.Topic == simulatedAgain {
			p.batch = nil // the topic that it was for is gone
			return
		}
		if err != nil {
			p.failf("a batch of producer %d for %v: %v", p.id, place, err)
		}
		p.sequences[place] += int32(len(p.batch))
		for _, r := range p.batch {
			if r.onThere != nil {
				r.onThere()
			}
		}
		p.batch = nil
	})
}

// simulatedWriter sends numbers to counters in transactions, some of which it aborts, and some of which take too long.
type simulatedWriter struct {
	simulatedAsker
	transactionalID string
	bumpsEpoch      bool
	producer        command.ProducerEpoch
	// isKnown: it has its producer id and epoch.
	isKnown   bool
	sequences map[command.TopicPartition]int32
	// todo are the batches of the transaction that are not sent yet, numbers all that it has by counter.
	todo    [][]simulatedRecord
	numbers map[string][]int
	isOpen  bool
	isAdded bool
	// isToCommit is decided with the last batch.
	isEnding, isToCommit bool
}

const simulatedTransactionTimeoutMilli = 800

func (w *simulatedWriter) act() bool {
	c := w.clients
	s := c.simulation
	switch {
	case w.isWaiting || len(c.acknowledged) == 0 || s.isDrained && !w.isOpen:
		return false
	case !w.isKnown:
		return w.ask(command.InitProducer{TransactionalID: w.transactionalID, TimeoutMilli: simulatedTransactionTimeoutMilli,
			Expected: command.ProducerEpoch{ProducerID: command.NoProducerID, Epoch: command.NoProducerEpoch}, CoordinatorEpoch: int32(s.term), NowUnixMilli: time.Now().UnixMilli()},
			func(result any) {
				producer, ok := result.(command.ProducerEpoch)
				if !ok {
					w.failf("%s: init: %v", w.transactionalID, result)
				}
				w.producer, w.isKnown, w.isOpen, w.sequences = producer, true, false, map[command.TopicPartition]int32{}
			})
	case !w.isOpen:
		return w.begin()
	case !w.isAdded:
		var partitions []command.TopicPartition
		for _, batch := range w.todo {
			partitions = append(partitions, batch[0].place())
		}
		return w.ask(command.AddToTransaction{TransactionalID: w.transactionalID, Producer: w.producer, Partitions: partitions, NowUnixMilli: time.Now().UnixMilli()},
			func(result any) { w.isAdded = !w.isFenced(result) })
	case len(w.todo) > 0:
		batch := w.todo[0]
		place := batch[0].place()
		o := recordbatch.Options{Transactional: true, Producer: &recordbatch.Producer{ID: w.producer.ProducerID, Epoch: w.producer.Epoch, BaseSequence: w.sequences[place]}}
		return w.ask(appendOf(batch, o, w.transactionalID), func(result any) {
			if w.isFenced(result.([]command.AppendResult)[0].Err) {
				return
			}
			w.sequences[place] += int32(len(batch))
			w.todo = w.todo[1:]
		})
	case !w.isEnding:
		if s.random.IntN(3) > 0 && !s.isDrained {
			return false // it takes its time
		}
		w.isEnding, w.isToCommit = true, s.random.IntN(4) > 0
	}
	return w.ask(command.EndTransaction{TransactionalID: w.transactionalID, Producer: w.producer, Commit: w.isToCommit, BumpsEpoch: w.bumpsEpoch,
		CoordinatorEpoch: int32(s.term), NowUnixMilli: time.Now().UnixMilli()}, w.end)
}

// begin makes up what the next transaction has, if there is a counter that it can be for.
func (w *simulatedWriter) begin() bool {
	c := w.clients
	counters := c.counters()
	if len(counters) == 0 || c.simulation.random.IntN(4) > 0 {
		return false
	}
	w.todo, w.numbers, w.isOpen, w.isAdded, w.isEnding = nil, map[string][]int{}, true, false, false
	for range 1 + c.simulation.random.IntN(3) {
		key := counters[c.simulation.random.IntN(len(counters))]
		c.next++
		w.todo = append(w.todo, []simulatedRecord{c.numberFor(key, c.next)})
		w.numbers[key] = append(w.numbers[key], c.next)
	}
	return true
}

// numberFor is for any partition, so that the events of a counter have no order.
func (c *simulatedClients) numberFor(counter string, number int) simulatedRecord {
	return simulatedRecord{topic: simulatedCounters, key: counter, value: fmt.Sprintf(`{"ref":"numbers","value":%d}`, number), partition: 1 + c.simulation.random.Int32N(simulatedPartitions)}
}

// counters are those that are known to run: they take numbers that come by any partition.
func (c *simulatedClients) counters() (running []string) {
	r := c.simulation.pick(c.simulation.up())
	if r == nil {
		return nil
	}
	for _, key := range c.started {
		if !strings.HasPrefix(key, "counter-") {
			continue
		}
		if thread, exists, err := r.store.ThreadHeader(simulatedCounters, key); err == nil && exists && thread.Status == command.ThreadSuspended {
			running = append(running, key)
		}
	}
	return running
}

// isFenced: the transaction took too long and was aborted. The writer begins anew.
func (w *simulatedWriter) isFenced(result any) bool {
	if err, isError := result.(error); isError {
		w.clients.simulation.note("%s is refused: %v", w.transactionalID, err)
		w.isKnown, w.isOpen = false, false
		return true
	}
	return false
}

func (w *simulatedWriter) end(result any) {
	if w.isFenced(result) {
		return
	}
	w.isOpen = false
	if after := result.(command.ProducerEpoch); after != w.producer {
		w.producer, w.sequences = after, map[command.TopicPartition]int32{}
	}
	if !w.isToCommit {
		return
	}
	w.clients.committed++
	for key, numbers := range w.numbers {
		w.clients.numbers[key] = append(w.clients.numbers[key], numbers...)
	}
}

// simulatedTable is a topic of which only the last record of each key counts.
const simulatedTable = "table"

var simulatedCompaction = map[string]string{"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": "300"}

// simulatedOperator deploys, and looks after faulted threads.
type simulatedOperator struct {
	simulatedAsker
	todo []command.Command
	// isReady: the first deployments are there.
	isReady bool
}

// begin lists what makes the applications, up to the first edition.
func (o *simulatedOperator) begin() {
	bundles, err := simulatedBundles()
	if err != nil {
		panic(err)
	}
	topic := func(name string) command.Topic {
		t := command.Topic{Name: name, Partitions: simulatedPartitions}
		copy(t.ID[:], name)
		return t
	}
	table := topic(simulatedTable)
	table.Configs = simulatedCompaction
	o.todo = append(o.todo, command.CreateTopics{Topics: []command.Topic{table}})
	seen := map[string]bool{}
	for _, b := range bundles {
		if seen[b.resumeTopic] {
			continue
		}
		seen[b.resumeTopic] = true
		events := topic(b.resumeTopic)
		if b.resumeTopic == simulatedLocks {
			events.Configs = simulatedCompaction // events that are not consumed must stay
		}
		timers := topic(runner.SchedulerTopic(b.resumeTopic))
		timers.Configs = map[string]string{command.ConfigScheduler: "builtin", command.ConfigSchedulerResumeTopic: b.resumeTopic}
		o.todo = append(o.todo, command.CreateTopics{Topics: []command.Topic{events, timers}}, deployOf(b))
	}
}

func deployOf(b simulatedBundle) command.Deploy {
	d := command.Deploy{App: b.resumeTopic, ResumeTopic: b.resumeTopic, Hash: b.bundle.Hash(), Bundle: b.bundle.Encode()}
	for _, name := range append(b.bundle.OutputTopics(), b.resumeTopic) {
		t := command.Topic{Name: name, Partitions: simulatedPartitions}
		copy(t.ID[:], name)
		d.Topics = append(d.Topics, t)
	}
	return d
}

func (o *simulatedOperator) act() bool {
	if o.isWaiting {
		return false
	}
	if len(o.todo) == 0 {
		o.isReady = true
		if !o.lookForFaults() && !o.maybeDeploy() {
			return false
		}
	}
	com := o.todo[0]
	now := time.Now().UnixMilli()
	switch c := com.(type) {
	case command.CreateTopics:
		c.NowUnixMilli = now
		com = c
	case command.Deploy:
		c.NowUnixMilli = now
		com = c
	case command.RetryThread:
		c.NowUnixMilli = now
		com = c
	case command.DeleteThread:
		if s := o.clients.simulation; s.random.IntN(10) > 0 && !s.isDrained {
			return false // the thread goes on for a while
		}
		c.NowUnixMilli = now
		com = c
	}
	return o.ask(com, func(result any) {
		if err, isError := result.(error); isError && com.Kind() == command.KindDeploy {
			o.failf("deploy: %v", err)
		}
		o.todo = o.todo[1:]
		if len(o.todo) == 0 {
			o.clients.hasAgain = true
		}
	})
}

// lookForFaults makes the topics that faulted threads want, and retries those threads.
func (o *simulatedOperator) lookForFaults() bool {
	s := o.clients.simulation
	r := s.pick(s.up())
	if r == nil || !s.isDrained && s.random.IntN(10) > 0 {
		return false
	}
	page, err := r.store.Threads(statemachine.ThreadsQuery{Status: command.ThreadFaulted})
	if err != nil {
		o.failf("list threads: %v", err)
	}
	for _, thread := range page.Threads {
		if thread.ResumeTopic != simulatedFaulty {
			o.failf("thread %s of %s is faulted: %s", thread.Key, thread.ResumeTopic, thread.Fault)
		}
		wanted := command.Topic{Name: "of-" + thread.Key, Partitions: simulatedPartitions}
		copy(wanted.ID[:], wanted.Name)
		o.todo = append(o.todo, command.CreateTopics{Topics: []command.Topic{wanted}}, command.RetryThread{ResumeTopic: thread.ResumeTopic, Thread: thread.Key})
	}
	return len(o.todo) > 0
}

// maybeDeploy deploys another edition now and then.
func (o *simulatedOperator) maybeDeploy() bool {
	s := o.clients.simulation
	if o.clients.isOver || s.isDrained || s.random.IntN(8) > 0 {
		return false
	}
	if s.random.IntN(2) == 0 && o.clients.hasAgain {
		o.makeAgain()
		return true
	}
	bundles, _ := simulatedBundles()
	editions := slices.DeleteFunc(slices.Clone(bundles), func(b simulatedBundle) bool { return b.resumeTopic != simulatedEditions })
	o.todo = append(o.todo, deployOf(editions[s.random.IntN(len(editions))]))
	return true
}

// makeAgain deletes a resume topic with its timers, and makes it again.
func (o *simulatedOperator) makeAgain() {
	c := o.clients
	c.hasAgain = false
	c.generation++
	timers := runner.SchedulerTopic(simulatedAgain)
	create := command.CreateTopics{Topics: []command.Topic{
		{Name: simulatedAgain, Partitions: simulatedPartitions, ID: simulatedAgainID(simulatedAgain, c.generation)},
		{Name: timers, Partitions: simulatedPartitions, ID: simulatedAgainID(timers, c.generation),
			Configs: map[string]string{command.ConfigScheduler: "builtin", command.ConfigSchedulerResumeTopic: simulatedAgain}},
	}}
	o.todo = append(o.todo, command.DeleteTopics{Names: []string{simulatedAgain, timers}}, create)
}

// begin starts a thread, or sends one that runs something.
func (c *simulatedClients) begin() bool {
	s := c.simulation
	if s.isDrained || !c.operator.isReady || s.random.IntN(2) > 0 {
		return false
	}
	p := c.producers[s.random.IntN(len(c.producers)-1)] // the last one is the service's
	if len(p.todo) > 20 {
		return false
	}
	if !c.hasLocks {
		c.hasLocks = true
		for lock := range 2 {
			p.send(simulatedRecord{topic: simulatedLocks, key: fmt.Sprint("lock-", lock), value: "new:{}", onThere: func() { c.acknowledged[fmt.Sprint("lock-", lock)] = true }})
		}
	}
	c.next++
	i := c.next
	switch s.random.IntN(10) {
	case 0:
		c.start(p, simulatedTrips, fmt.Sprint("trip-", i), fmt.Sprintf(`init:{"customer":"Ann","city":"Rome","patience":%d}`, 50+s.random.IntN(500)))
	case 1:
		if lock := fmt.Sprint("lock-", i%2); c.acknowledged[lock] {
			c.start(p, simulatedLocks, fmt.Sprint("holder-", i), fmt.Sprintf(`new:{"lock":%q}`, lock))
		}
	case 2:
		c.start(p, simulatedNaps, fmt.Sprint("nap-", i), fmt.Sprintf(`new:{"naps":[%d,%d,%d]}`, 1+s.random.IntN(30), 1+s.random.IntN(200), 1+s.random.IntN(3)))
	case 3:
		c.start(p, simulatedEditions, fmt.Sprint("edition-", i), "new:{}")
	case 4:
		key := fmt.Sprint("faulty-", i)
		c.start(p, simulatedFaulty, key, "new:{}")
		for item := range 1 + s.random.IntN(4) {
			to := ""
			if s.random.IntN(3) == 0 {
				to = fmt.Sprintf(`,"to":"of-%s"`, key)
			}
			c.items[key] = append(c.items[key], item+1)
			p.send(simulatedRecord{topic: simulatedFaulty, key: key, value: fmt.Sprintf(`{"ref":"items","value":{"item":%d%s}}`, item+1, to)})
		}
		p.send(simulatedRecord{topic: simulatedFaulty, key: key, value: `{"ref":"items","value":{"item":0}}`})
	case 5:
		if s.random.IntN(3) == 0 {
			c.start(p, simulatedCounters, fmt.Sprint("counter-", i), "new:{}")
		}
	case 6:
		// A key is always sent by the same one, so that its values have an order.
		row := s.random.IntN(12)
		value := fmt.Sprint("value ", i)
		if s.random.IntN(4) == 0 {
			value = ""
		}
		c.producers[row%2].send(simulatedRecord{topic: simulatedTable, key: fmt.Sprint("row-", row), value: value})
	case 7:
		// Numbers outside of transactions, at about the same time.
		if counters := c.counters(); len(counters) > 0 {
			key := counters[s.random.IntN(len(counters))]
			for range 3 {
				c.next++
				number := c.next
				record := c.numberFor(key, number)
				record.onThere = func() { c.numbers[key] = append(c.numbers[key], number) }
				p.send(record)
			}
		}
	case 9:
		if c.hasAgain {
			key, generation := fmt.Sprint("again-", i), c.generation
			p.send(simulatedRecord{topic: simulatedAgain, topicID: simulatedAgainID(simulatedAgain, generation), key: key, value: `new:{"naps":[3,40,2]}`, onThere: func() {
				c.again = append(c.again, simulatedAgainThread{key, generation})
			}})
		}
	case 8:
		// It may be deleted or replaced at any time, so nothing is promised to it.
		key := fmt.Sprint("gone-", i%4)
		p.send(simulatedRecord{topic: simulatedNaps, key: key, value: `new:{"naps":[5,10,15]}`})
		if s.random.IntN(2) == 0 {
			c.operator.todo = append(c.operator.todo, command.DeleteThread{ResumeTopic: simulatedNaps, Thread: key})
		}
	}
	return true
}

func (c *simulatedClients) start(p *simulatedProducer, topic, key, event string) {
	c.started = append(c.started, key)
	p.send(simulatedRecord{topic: topic, key: key, value: event, onThere: func() { c.acknowledged[key] = true }})
}

// finish tells the counters that nothing comes any more.
func (c *simulatedClients) finish() {
	if c.isOver || c.simulation.leader == nil || c.simulation.twin.unconsumed() != "" {
		return
	}
	for _, w := range c.writers {
		if w.isOpen || w.isWaiting {
			return
		}
	}
	for _, p := range c.producers {
		if len(p.todo) > 0 || p.isWaiting || p.batch != nil {
			return
		}
	}
	c.isOver = true
	for _, key := range c.started {
		if strings.HasPrefix(key, "counter-") {
			c.producers[0].send(simulatedRecord{topic: simulatedCounters, key: key, value: `{"ref":"numbers","value":null}`})
		}
	}
}

// left is what somebody waits for.
func (c *simulatedClients) left() string {
	if !c.isOver || c.operator.isWaiting || len(c.operator.todo) > 0 {
		return "clients have something to do"
	}
	for _, p := range c.producers {
		if p.isWaiting || p.batch != nil || len(p.todo) > 0 {
			return "a producer has something to send"
		}
	}
	for after := ""; ; {
		page, err := c.simulation.leader.store.Threads(statemachine.ThreadsQuery{After: after})
		if err != nil {
			c.simulation.failf("list threads: %v", err)
		}
		for _, thread := range page.Threads {
			if thread.Status != command.ThreadEnded && !strings.HasPrefix(thread.Key, "lock-") {
				return fmt.Sprintf("thread %s waits for %q, fault %q", thread.Key, thread.Refs, thread.Fault)
			}
		}
		if after = page.Next; after == "" {
			return ""
		}
	}
}

// simulatedService answers workflows. It reads on any replica.
type simulatedService struct {
	clients *simulatedClients
	offsets map[command.TopicPartition]int64
}

func (v *simulatedService) act() bool {
	s := v.clients.simulation
	r := s.pick(s.up())
	if r == nil {
		return false
	}
	topics := []string{"reservations", "bells"}
	first := s.random.IntN(len(topics) * simulatedPartitions)
	for i := range len(topics) * simulatedPartitions {
		n := (first + i) % (len(topics) * simulatedPartitions)
		place := command.TopicPartition{Topic: topics[n/simulatedPartitions], Partition: int32(n % simulatedPartitions)}
		records, err := storeForRunner{r.store}.ReadEvents(place.Topic, place.Partition, v.offsets[place], 1)
		if err != nil {
			s.failf("read %v: %v", place, err)
		}
		for _, record := range records {
			v.offsets[place] = record.Offset + 1
			v.answer(place.Topic, string(record.Key), record.Value)
			return true
		}
	}
	return false
}

// simulatedRequest is a record that a workflow has written for the service.
type simulatedRequest struct {
	Action, Kind, Ref string
	Nap               int
}

func simulatedRequestOf(value []byte) (r simulatedRequest) {
	if err := json.Unmarshal(value, &r); err != nil {
		panic(err)
	}
	return r
}

func (v *simulatedService) answer(topic, key string, value []byte) {
	s := v.clients.simulation
	r := simulatedRequestOf(value)
	to, answer, id := simulatedNaps, `"value":null`, command.TopicID{}
	switch {
	case strings.HasPrefix(key, "edition-"):
		to = simulatedEditions
	case strings.HasPrefix(key, "again-"):
		to, id = simulatedAgain, simulatedAgainID(simulatedAgain, v.clients.generation)
	case topic == "bells":
		if s.random.IntN(3) > 0 {
			return // it sleeps
		}
	case r.Action == "withdraw":
		return
	case r.Action == "reserve":
		to = simulatedTrips
		takes, answers := simulatedTaking(key, r.Kind)
		if !answers {
			return
		}
		if answer = `"error":"sold out"`; takes {
			answer = fmt.Sprintf(`"value":{"id":%q,"price":100}`, r.Kind)
		}
	default:
		to = simulatedTrips
	}
	v.clients.producers[len(v.clients.producers)-1].send(simulatedRecord{topic: to, topicID: id, key: key, value: fmt.Sprintf(`{"ref":%q,%s}`, r.Ref, answer)})
}

// simulatedTaking says what the service makes of a request to reserve: it takes it, or refuses, or never answers.
func simulatedTaking(trip, kind string) (takes, answers bool) {
	sum := fnv.New32a()
	fmt.Fprint(sum, trip, kind)
	n := sum.Sum32() % 20
	return n > 2, n > 0
}
