// Package kafkacompattest imitates the state machine for tests of the Kafka
// listener: a Log in memory, simple enough to be seen right, and a Cluster.
//
// It refuses to be fast or durable, and it has no transactions: tests of these have the
// state machine itself behind the listener. It stores batches as they come, with their
// base offset patched in a copy.
package kafkacompattest

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// Log is a state machine's reads and proposals, in memory. The zero value is
// ready.
type Log struct {
	mu      sync.Mutex
	topics  map[string]*topic
	groups  map[string]map[command.TopicPartition]command.GroupOffset
	parts   map[string]map[string][]byte
	watches map[*watch]struct{}
	quotas  command.ClientQuotas
	configs map[string]map[string]string // of groups
	// credentials and acls are what the Log has of security; acls is nil for none.
	credentials map[command.ScramUser]command.ScramCredential
	acls        *command.ACLs
	producerID  int64
	commands    int
	changes     uint64
	before      func(context.Context, command.Command) error
	after       func(command.Command) error
}

type topic struct {
	command.Topic
	partitions []*partition
}

type partition struct {
	start, next int64
	batches     []batch
	producers   map[int64][]produced
}

type batch struct {
	header recordbatch.Header
	bytes  []byte
}

// produced is a batch that an idempotent producer sent.
type produced struct {
	epoch       int16
	first, last int32
	offset      int64
}

type watch struct {
	partitions []command.TopicPartition
	wake       chan<- struct{}
}

// Commands is how many proposals took effect.
func (l *Log) Commands() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commands
}

// BeforePropose has f called before each proposal takes effect, without the lock.
// Its error is that of the proposal.
func (l *Log) BeforePropose(f func(context.Context, command.Command) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before = f
}

// AfterPropose has f called after each proposal has taken effect. Its error takes
// the place of the result, as if the leader were lost between.
func (l *Log) AfterPropose(f func(command.Command) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.after = f
}

// Propose applies the command at once.
func (l *Log) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	l.mu.Lock()
	before, after := l.before, l.after
	l.mu.Unlock()
	if before != nil {
		if err := before(ctx, c); err != nil {
			return nil, err
		}
	}
	result, err := l.apply(c)
	if after != nil && err == nil {
		err = after(c)
	}
	return result, err
}

func (l *Log) apply(c command.Command) (command.Result, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commands++
	switch c := c.(type) {
	case command.CreateTopics:
		return each(c.Topics, l.createTopic), nil
	case command.DeleteTopics:
		return each(c.Names, l.deleteTopic), nil
	case command.CreatePartitions:
		return each(c.Topics, l.createPartitions), nil
	case command.AlterTopicConfigs:
		return nil, l.alterTopic(c)
	case command.AppendRecords:
		results := make([]command.AppendResult, len(c.Appends))
		for i, a := range c.Appends {
			results[i] = l.append(a, c.NowUnixMilli)
		}
		return results, nil
	case command.DeleteRecords:
		return each(c.Trims, l.trim), nil
	case command.AllocateProducerIDs:
		first := l.producerID
		l.producerID += c.Count
		return first, nil
	case command.CommitOffsets:
		return each(c.Offsets, func(o command.GroupOffset) error { return l.commit(c.Group, o) }), nil
	case command.AlterClientQuotas:
		l.quotas.ByEntity = maps.Clone(l.quotas.ByEntity)
		return each(c.Alterations, l.alterQuotas), nil
	case command.AlterGroupConfigs:
		l.alterGroup(c)
		return nil, nil
	case command.DeleteGroups:
		return each(c.Groups, l.deleteGroup), nil
	case command.StoreGroup:
		l.storeGroup(c)
		return nil, nil
	case command.DeleteOffsets:
		return each(c.Offsets, func(tp command.TopicPartition) error { return l.deleteOffset(c.Group, tp) }), nil
	case command.CreateACLs:
		return l.createACLs(c), nil
	case command.DeleteACLs:
		return l.deleteACLs(c), nil
	case command.AlterScramCredentials:
		return l.alterCredentials(c), nil
	default:
		return nil, fmt.Errorf("%T is nothing that the listener proposes", c)
	}
}

func each[T any](parts []T, apply func(T) error) []error {
	errs := make([]error, len(parts))
	for i, part := range parts {
		errs[i] = apply(part)
	}
	return errs
}

func (l *Log) createTopic(t command.Topic) error {
	if l.topics[t.Name] != nil {
		return command.ErrTopicExists
	}
	if t.ID == (command.TopicID{}) {
		rand.Read(t.ID[:])
	}
	if l.topics == nil {
		l.topics = make(map[string]*topic)
	}
	made := &topic{Topic: t}
	for range t.Partitions {
		made.partitions = append(made.partitions, &partition{producers: make(map[int64][]produced)})
	}
	l.topics[t.Name] = made
	l.changes++
	return nil
}

func (l *Log) deleteTopic(name string) error {
	if l.topics[name] == nil {
		return command.ErrUnknownTopic
	}
	delete(l.topics, name)
	l.changes++
	for _, offsets := range l.groups {
		maps.DeleteFunc(offsets, func(tp command.TopicPartition, _ command.GroupOffset) bool { return tp.Topic == name })
	}
	l.signal(func(tp command.TopicPartition) bool { return tp.Topic == name })
	return nil
}

func (l *Log) createPartitions(grown command.PartitionCount) error {
	t := l.topics[grown.Topic]
	if t == nil || grown.TopicID != (command.TopicID{}) && grown.TopicID != t.ID {
		return command.ErrUnknownTopic
	}
	if grown.Count <= t.Partitions {
		return command.ErrInvalidPartitions
	}
	for int32(len(t.partitions)) < grown.Count {
		t.partitions = append(t.partitions, &partition{producers: make(map[int64][]produced)})
	}
	t.Partitions = grown.Count
	return nil
}

func (l *Log) alterTopic(c command.AlterTopicConfigs) error {
	t := l.topics[c.Topic]
	if t == nil {
		return command.ErrUnknownTopic
	}
	configs := maps.Clone(t.Configs)
	if configs == nil {
		configs = make(map[string]string)
	}
	for name, value := range c.Configs {
		if value == nil {
			delete(configs, name)
		} else {
			configs[name] = *value
		}
	}
	t.Configs = configs
	return nil
}

func (l *Log) partition(name string, number int32) *partition {
	t := l.topics[name]
	if t == nil || number < 0 || int(number) >= len(t.partitions) {
		return nil
	}
	return t.partitions[number]
}

// same is partition, but nil if the topic has another identity than id, which may be
// zero.
func (l *Log) same(topic string, id command.TopicID, number int32) *partition {
	if t := l.topics[topic]; t == nil || id != (command.TopicID{}) && id != t.ID {
		return nil
	}
	return l.partition(topic, number)
}

func (l *Log) append(a command.Append, nowUnixMilli int64) command.AppendResult {
	p := l.same(a.Topic, a.TopicID, a.Partition)
	if p == nil {
		return command.AppendResult{Err: command.ErrUnknownTopic}
	}
	header, err := recordbatch.Check(a.Batch)
	if err != nil {
		return command.AppendResult{Err: fmt.Errorf("%w: %w", command.ErrInvalidBatch, err)}
	}
	if header.ProducerID >= 0 {
		if repeat, err := p.checkSequence(header); err != nil || repeat >= 0 {
			return command.AppendResult{Err: err, BaseOffset: repeat, LogStartOffset: p.start, LogAppendUnixMilli: -1}
		}
	}
	stored := slices.Clone(a.Batch)
	header.BaseOffset = p.next
	recordbatch.SetBaseOffset(stored, p.next)
	appended := int64(-1)
	if l.topics[a.Topic].Configs["message.timestamp.type"] == "LogAppendTime" {
		appended = nowUnixMilli
		recordbatch.SetLogAppendTime(stored, appended)
		header.MaxTimestamp = appended
	}
	p.batches = append(p.batches, batch{header, stored})
	p.next = header.NextOffset()
	l.signal(func(tp command.TopicPartition) bool { return tp.Topic == a.Topic && tp.Partition == a.Partition })
	return command.AppendResult{BaseOffset: header.BaseOffset, LogStartOffset: p.start, LogAppendUnixMilli: appended}
}

// checkSequence returns the offset of the batch that h repeats, or -1.
func (p *partition) checkSequence(h recordbatch.Header) (repeat int64, err error) {
	last := p.producers[h.ProducerID]
	for _, earlier := range last {
		if earlier.epoch == h.ProducerEpoch && earlier.first == h.BaseSequence && earlier.last == h.LastSequence() {
			return earlier.offset, nil
		}
	}
	if n := len(last); n > 0 {
		switch newest := last[n-1]; {
		case h.ProducerEpoch < newest.epoch:
			return -1, command.ErrInvalidProducerEpoch
		case h.ProducerEpoch == newest.epoch && h.BaseSequence != (newest.last+1)&0x7fffffff,
			h.ProducerEpoch > newest.epoch && h.BaseSequence != 0:
			return -1, command.ErrOutOfOrderSequence
		}
	}
	last = append(last, produced{h.ProducerEpoch, h.BaseSequence, h.LastSequence(), p.next})
	p.producers[h.ProducerID] = last[max(0, len(last)-5):]
	return -1, nil
}

func (l *Log) trim(t command.Trim) error {
	p := l.same(t.Topic, t.TopicID, t.Partition)
	switch {
	case p == nil:
		return command.ErrUnknownTopic
	case t.Offset < 0 || t.Offset > p.next:
		return command.ErrOffsetOutOfRange
	}
	p.start = max(p.start, t.Offset)
	p.batches = slices.DeleteFunc(p.batches, func(b batch) bool { return b.header.NextOffset() <= p.start })
	return nil
}

func (l *Log) commit(group string, o command.GroupOffset) error {
	if l.same(o.Topic, o.TopicID, o.Partition) == nil {
		return command.ErrUnknownTopic
	}
	o.TopicID = command.TopicID{}
	if l.groups == nil {
		l.groups = make(map[string]map[command.TopicPartition]command.GroupOffset)
	}
	if l.groups[group] == nil {
		l.groups[group] = make(map[command.TopicPartition]command.GroupOffset)
	}
	l.groups[group][command.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = o
	return nil
}

func (l *Log) deleteGroup(group string) error {
	if l.groups[group] == nil && l.parts[group] == nil {
		return command.ErrUnknownGroup
	}
	delete(l.groups, group)
	delete(l.parts, group)
	return nil
}

func (l *Log) storeGroup(c command.StoreGroup) {
	if l.parts == nil {
		l.parts = make(map[string]map[string][]byte)
	}
	if c.IsWhole || l.parts[c.Group] == nil {
		l.parts[c.Group] = make(map[string][]byte)
	}
	for _, part := range c.Parts {
		if part.Value == nil {
			delete(l.parts[c.Group], part.Name)
		} else {
			l.parts[c.Group][part.Name] = slices.Clone(part.Value)
		}
	}
	if len(l.parts[c.Group]) == 0 {
		delete(l.parts, c.Group)
	}
}

func (l *Log) deleteOffset(group string, tp command.TopicPartition) error {
	if l.partition(tp.Topic, tp.Partition) == nil {
		return command.ErrUnknownTopic
	}
	delete(l.groups[group], tp)
	if len(l.groups[group]) == 0 {
		delete(l.groups, group)
	}
	return nil
}

// StoredGroups is sorted by group, and the parts of each by name.
func (l *Log) StoredGroups() ([]command.StoredGroup, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var stored []command.StoredGroup
	for _, group := range slices.Sorted(maps.Keys(l.parts)) {
		one := command.StoredGroup{Group: group}
		for _, name := range slices.Sorted(maps.Keys(l.parts[group])) {
			one.Parts = append(one.Parts, command.GroupPart{Name: name, Value: slices.Clone(l.parts[group][name])})
		}
		stored = append(stored, one)
	}
	return stored, nil
}

// Topics is sorted by name.
func (l *Log) Topics() []command.Topic {
	l.mu.Lock()
	defer l.mu.Unlock()
	var topics []command.Topic
	for _, name := range slices.Sorted(maps.Keys(l.topics)) {
		topics = append(topics, l.topics[name].Topic)
	}
	return topics
}

// Topic finds a topic by name.
func (l *Log) Topic(name string) (command.Topic, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.topics[name]; t != nil {
		return t.Topic, true
	}
	return command.Topic{}, false
}

func (l *Log) alterQuotas(a command.QuotaAlteration) error {
	quotas := maps.Clone(l.quotas.ByEntity[a.Entity])
	if quotas == nil {
		quotas = make(map[string]float64)
	}
	maps.Copy(quotas, a.Set)
	for _, name := range a.Remove {
		delete(quotas, name)
	}
	if l.quotas.ByEntity == nil {
		l.quotas.ByEntity = make(map[command.QuotaEntity]map[string]float64)
	}
	if l.quotas.ByEntity[a.Entity] = quotas; len(quotas) == 0 {
		delete(l.quotas.ByEntity, a.Entity)
	}
	return nil
}

func (l *Log) alterGroup(c command.AlterGroupConfigs) {
	all, configs := maps.Clone(l.configs), maps.Clone(l.configs[c.Group])
	if all == nil {
		all = make(map[string]map[string]string)
	}
	if configs == nil {
		configs = make(map[string]string)
	}
	maps.Copy(configs, c.Set)
	for _, name := range c.Remove {
		delete(configs, name)
	}
	if all[c.Group] = configs; len(configs) == 0 {
		delete(all, c.Group)
	}
	l.configs = all
}

// GroupConfigs are what the last change left.
func (l *Log) GroupConfigs() *command.GroupConfigs {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &command.GroupConfigs{ByGroup: l.configs}
}

// ClientQuotas are what the last alteration left.
func (l *Log) ClientQuotas() *command.ClientQuotas {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &command.ClientQuotas{ByEntity: l.quotas.ByEntity}
}

// TopicByID finds a topic by id.
func (l *Log) TopicByID(id command.TopicID) (command.Topic, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.topics {
		if t.ID == id {
			return t.Topic, true
		}
	}
	return command.Topic{}, false
}

// TopicChanges counts the topics that were made, grown and deleted.
func (l *Log) TopicChanges() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changes
}

// Grow gives a topic more partitions.
func (l *Log) Grow(name string, partitions int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[name]
	for t.Partitions < partitions {
		t.partitions = append(t.partitions, &partition{producers: make(map[int64][]produced)})
		t.Partitions++
	}
	l.changes++
}

// Partition is the state of a partition.
func (l *Log) Partition(topic string, number int32) (command.PartitionState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partition(topic, number)
	if p == nil {
		return command.PartitionState{}, command.ErrUnknownTopic
	}
	state := command.PartitionState{StartOffset: p.start, NextOffset: p.next, StableOffset: p.next}
	for _, b := range p.batches {
		state.Bytes += int64(len(b.bytes))
	}
	return state, nil
}

// ReadBatches returns a copy of whole batches.
func (l *Log) ReadBatches(topic string, number int32, offset int64, bytesMax int) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partition(topic, number)
	switch {
	case p == nil:
		return nil, command.ErrUnknownTopic
	case offset < p.start || offset > p.next:
		return nil, command.ErrOffsetOutOfRange
	}
	var read []byte
	for _, b := range p.batches {
		if b.header.NextOffset() <= offset {
			continue
		}
		if len(read) > 0 && len(read)+len(b.bytes) > bytesMax {
			break
		}
		read = append(read, b.bytes...)
	}
	return read, nil
}

// ReadCommitted is ReadBatches: nothing is undecided.
func (l *Log) ReadCommitted(topic string, number int32, offset int64, bytesMax int) ([]byte, []command.AbortedTransaction, error) {
	batches, err := l.ReadBatches(topic, number, offset, bytesMax)
	return batches, nil, err
}

// Transactions are none.
func (l *Log) Transactions() []command.Transaction { return nil }

// Transaction is not there.
func (l *Log) Transaction(string) (command.Transaction, bool) { return command.Transaction{}, false }

// UndecidedOffsets are none.
func (l *Log) UndecidedOffsets(string) ([]command.TopicPartition, error) { return nil, nil }

// Producers is what the partition has of the last batches of each producer.
func (l *Log) Producers(topic string, number int32) ([]command.ActiveProducer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partition(topic, number)
	if p == nil {
		return nil, command.ErrUnknownTopic
	}
	var producers []command.ActiveProducer
	for _, id := range slices.Sorted(maps.Keys(p.producers)) {
		last := p.producers[id][len(p.producers[id])-1]
		producers = append(producers, command.ActiveProducer{
			ProducerEpoch: command.ProducerEpoch{ProducerID: id, Epoch: last.epoch}, LastSequence: last.last,
			LastTimestamp: -1, CoordinatorEpoch: -1, FirstOffset: -1,
		})
	}
	return producers, nil
}

// OffsetForTimestamp looks at every record.
func (l *Log) OffsetForTimestamp(topic string, number int32, unixMilli int64) (offset, timestamp int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partition(topic, number)
	if p == nil {
		return -1, -1, command.ErrUnknownTopic
	}
	for _, b := range p.batches {
		offset, timestamp, found, err := recordbatch.FirstAtOrAfter(b.bytes, p.start, unixMilli)
		if err != nil || found {
			return offset, timestamp, err
		}
	}
	return -1, -1, nil
}

// MaxTimestamp looks at every batch.
func (l *Log) MaxTimestamp(topic string, number int32) (offset, timestamp int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partition(topic, number)
	if p == nil {
		return -1, -1, command.ErrUnknownTopic
	}
	offset, timestamp = -1, -1
	for _, b := range p.batches {
		if b.header.MaxTimestamp > timestamp {
			offset, timestamp = b.header.LastOffset(), b.header.MaxTimestamp
		}
	}
	return offset, timestamp, nil
}

// Watch signals appends and deletions.
func (l *Log) Watch(partitions []command.TopicPartition, wake chan<- struct{}) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watches == nil {
		l.watches = make(map[*watch]struct{})
	}
	w := &watch{slices.Clone(partitions), wake}
	l.watches[w] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watches, w)
	}
}

func (l *Log) signal(concerns func(command.TopicPartition) bool) {
	for w := range l.watches {
		if slices.ContainsFunc(w.partitions, concerns) {
			select {
			case w.wake <- struct{}{}:
			default:
			}
		}
	}
}

// Watches is how many watches are open.
func (l *Log) Watches() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.watches)
}

// CommittedOffsets is sorted by topic and partition.
func (l *Log) CommittedOffsets(group string) ([]command.GroupOffset, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.groups[group]), func(a, b command.GroupOffset) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	}), nil
}

// Groups is sorted.
func (l *Log) Groups() ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.groups)), nil
}

// DeleteAll moves the start of a partition to its end.
func (l *Log) DeleteAll(topic string, number int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.partition(topic, number); p != nil {
		p.start, p.batches = p.next, nil
	}
}
