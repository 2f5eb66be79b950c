package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kont/jsvm"
	"kont/statemachine/command"
)

// memory is the state machine's twin: a store and a proposer in maps, with Apply's
// rules for CommitSteps written as plainly as can be.
type memory struct {
	mutex       sync.Mutex
	changed     chan struct{}
	partitions  map[Partition][]Record
	consumed    map[Partition]map[int64]bool
	threads     map[threadID]*command.Thread
	history     map[threadID][]string
	outputs     map[threadID][]string
	topics      map[string]bool
	deployments map[string]command.Deployment
	bundles     map[command.BundleHash][]byte
	topicID     command.TopicID
	lastStepID  uint64
	commands    int
	stale       int

	// fail, if set, is asked before each proposal.
	fail func() proposalFault
	late []command.CommitSteps
	// beforeApply, if set, is called while a proposal is on its way.
	beforeApply func()
	// readFail, if set, may fail a read.
	readFail func() error
}

// proposalFault is what goes wrong with a proposal.
type proposalFault int

const (
	faultNone      proposalFault = iota
	faultLost                    // error, never applied
	faultReplyLost               // applied, but answered with an error
	faultLate                    // error, and applied some time later
	faultLimit                   // refused as a whole
)

func newMemory(partitions int32) *memory {
	m := &memory{
		changed:     make(chan struct{}),
		partitions:  map[Partition][]Record{},
		consumed:    map[Partition]map[int64]bool{},
		threads:     map[threadID]*command.Thread{},
		history:     map[threadID][]string{},
		outputs:     map[threadID][]string{},
		topics:      map[string]bool{command.TopicResume: true, "out": true},
		deployments: map[string]command.Deployment{},
		bundles:     map[command.BundleHash][]byte{},
	}
	for partition := range partitions {
		m.partitions[Partition{Topic: command.TopicResume, Partition: partition}] = nil
	}
	return m
}

// named is a thread of the default resume topic, whatever that topic's identity.
func named(key string) threadID { return threadID{topic: command.TopicResume, key: key} }

// deploy binds a bundle to the default resume topic.
func (m *memory) deploy(hash byte) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.bundles[command.BundleHash{hash}] = []byte{hash}
	m.deployments[command.TopicResume] = command.Deployment{ResumeTopic: command.TopicResume, Hash: command.BundleHash{hash}}
	m.signalLocked()
}

func (m *memory) signalLocked() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// produce appends an event to the partition that the key belongs to.
func (m *memory) produce(key, value string) {
	sum := 0
	for _, b := range []byte(key) {
		sum += int(b)
	}
	m.mutex.Lock()
	count := len(m.partitions)
	m.mutex.Unlock()
	m.produceTo(int32(sum%count), []byte(key), []byte(value))
}

func (m *memory) produceTo(partition int32, key, value []byte) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	p := m.partition(partition)
	m.partitions[p] = append(m.partitions[p], Record{Offset: int64(len(m.partitions[p])), Key: key, Value: value})
	m.signalLocked()
}

func (m *memory) ResumePartitions() ([]Partition, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := m.readErrorLocked(); err != nil {
		return nil, err
	}
	var all []Partition
	for partition := range m.partitions {
		all = append(all, partition)
	}
	slices.SortFunc(all, func(a, b Partition) int { return int(a.Partition - b.Partition) })
	return all, nil
}

func (m *memory) readErrorLocked() error {
	if m.readFail == nil {
		return nil
	}
	return m.readFail()
}

func (m *memory) IsTopic(topic string, id command.TopicID) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	_, exists := m.partitions[Partition{Topic: topic, ID: id}]
	return exists
}

// recreate deletes the default resume topic with its events and threads, and makes
// it again.
func (m *memory) recreate() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.topicID[0]++
	count := len(m.partitions)
	clear(m.partitions)
	clear(m.consumed)
	clear(m.threads)
	for i := range count {
		m.partitions[m.partition(int32(i))] = nil
	}
	m.signalLocked()
}

// partition names a partition of the default resume topic.
func (m *memory) partition(number int32) Partition {
	return Partition{Topic: command.TopicResume, ID: m.topicID, Partition: number}
}

func (m *memory) Consumption(topic string, partition int32) (Consumption, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := m.readErrorLocked(); err != nil {
		return Consumption{}, err
	}
	consumed := m.consumed[m.partition(partition)]
	var c Consumption
	for consumed[c.Offset] {
		c.Offset++
	}
	for offset := range consumed {
		if offset > c.Offset {
			c.Beyond = append(c.Beyond, OffsetRange{offset, offset})
		}
	}
	slices.SortFunc(c.Beyond, func(a, b OffsetRange) int { return int(a.First - b.First) })
	// Neighbours become one range, as a store may have it.
	for i := len(c.Beyond) - 1; i > 0; i-- {
		if c.Beyond[i-1].Last+1 == c.Beyond[i].First {
			c.Beyond[i-1].Last = c.Beyond[i].Last
			c.Beyond = slices.Delete(c.Beyond, i, i+1)
		}
	}
	return c, nil
}

func (m *memory) Consumed(topic string, partition int32, offset int64) (bool, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.consumed[m.partition(partition)][offset], m.readErrorLocked()
}

func (m *memory) ReadEvents(topic string, partition int32, offset int64, bytesMax int) ([]Record, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := m.readErrorLocked(); err != nil {
		return nil, err
	}
	var read []Record
	bytes := 0
	for _, record := range m.partitions[m.partition(partition)] {
		if record.Offset < offset {
			continue
		}
		if bytes > bytesMax {
			break
		}
		bytes += len(record.Value) + 1
		read = append(read, record)
	}
	return read, nil
}

func (m *memory) Thread(topic, key string) (command.Thread, bool, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := m.readErrorLocked(); err != nil {
		return command.Thread{}, false, err
	}
	thread := m.threads[named(key)]
	if thread == nil {
		return command.Thread{}, false, nil
	}
	return *thread, true, nil
}

func (m *memory) Deployment(topic string) (command.Deployment, bool, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	deployment, exists := m.deployments[topic]
	return deployment, exists, m.readErrorLocked()
}

func (m *memory) Bundle(hash command.BundleHash) ([]byte, bool, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	data, exists := m.bundles[hash]
	return data, exists, m.readErrorLocked()
}

func (m *memory) HasTopic(topic string) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.topics[topic]
}

func (m *memory) LastStepID() uint64 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.lastStepID
}

func (m *memory) Changed() <-chan struct{} {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.changed
}

func (m *memory) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.commands++
	if m.beforeApply != nil {
		m.mutex.Unlock()
		m.beforeApply()
		m.mutex.Lock()
	}
	steps := c.(command.CommitSteps)
	fault := faultNone
	if m.fail != nil {
		fault = m.fail()
	}
	switch fault {
	case faultLost:
		return nil, command.ErrUnavailable
	case faultLate:
		m.late = append(m.late, steps)
		return nil, command.ErrNotLeader
	case faultLimit:
		if len(steps.Steps) > 1 {
			return fmt.Errorf("%d steps: %w", len(steps.Steps), command.ErrLimit), nil
		}
	}
	results := m.applyLocked(steps)
	if fault == faultReplyLost {
		return nil, command.ErrNotLeader
	}
	return results, nil
}

// applyLate applies the proposals whose proposer has given up.
func (m *memory) applyLate() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, c := range m.late {
		m.applyLocked(c)
	}
	m.late = nil
}

func (m *memory) applyLocked(c command.CommitSteps) []error {
	results := make([]error, len(c.Steps))
	for i, step := range c.Steps {
		results[i] = m.applyStepLocked(step)
	}
	return results
}

func (m *memory) applyStepLocked(step command.Step) error {
	partition := m.partition(step.Partition)
	if step.TopicID != m.topicID {
		return command.ErrUnknownTopic
	}
	if step.Offset >= int64(len(m.partitions[partition])) {
		return command.ErrOffsetOutOfRange
	}
	id := named(step.Thread)
	thread := m.threads[id]
	previous := uint64(0)
	if thread != nil {
		previous = thread.StepID
	}
	if m.consumed[partition][step.Offset] || previous != step.PreviousStepID {
		m.stale++
		return command.ErrStaleStep
	}
	if m.consumed[partition] == nil {
		m.consumed[partition] = map[int64]bool{}
	}
	m.consumed[partition][step.Offset] = true
	m.history[id] = append(m.history[id], fmt.Sprintf("%d@%d %s", step.Outcome, step.Offset, step.Reason))
	switch step.Outcome {
	case command.OutcomeUnmatched:
		return nil
	case command.OutcomeKept:
		thread.KeptEvents = append(thread.KeptEvents, step.Event)
		return nil
	}
	if step.StepID <= previous {
		panic(fmt.Sprintf("StepID %d after %d", step.StepID, previous))
	}
	m.lastStepID = max(m.lastStepID, step.StepID)
	for _, output := range step.Outputs {
		m.outputs[id] = append(m.outputs[id], output.Topic+" "+string(output.Key)+" "+string(output.Value))
	}
	switch step.Outcome {
	case command.OutcomeEnded:
		delete(m.threads, id)
	case command.OutcomeSuspended:
		m.threads[id] = &command.Thread{Status: command.ThreadSuspended, Hash: step.Hash, StepID: step.StepID, Refs: step.Refs, Continuation: step.Continuation}
	case command.OutcomeFaulted:
		faulted := command.Thread{Hash: step.Hash}
		if thread != nil && !step.Started {
			faulted = *thread
		}
		faulted.Status, faulted.StepID, faulted.Fault, faulted.KeptEvents = command.ThreadFaulted, step.StepID, step.Reason, [][]byte{step.Event}
		m.threads[id] = &faulted
	}
	return nil
}

// unconsumed counts the events that no step has consumed.
func (m *memory) unconsumed() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	count := 0
	for partition, records := range m.partitions {
		count += len(records) - len(m.consumed[partition])
	}
	return count
}

// waitConsumed waits until all events are consumed.
func (m *memory) waitConsumed(t testing.TB) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for m.unconsumed() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d events are not consumed after a minute", m.unconsumed())
		}
		time.Sleep(time.Millisecond)
	}
}

// puppet is the engine's twin: the event says what the step does. Its
// continuation is the events so far, and the only pending ref is "r<count>".
type puppet struct {
	mutex sync.Mutex
	// running counts steps by thread; ran counts all that ran, overlaps those that
	// began while another one of the same thread ran.
	running  map[string]int
	ran      int
	overlaps int
	loaded   int
	closed   int
	block    map[string]chan struct{}
	entered  chan string
	pauseMax time.Duration
}

func newPuppet() *puppet {
	return &puppet{running: map[string]int{}, block: map[string]chan struct{}{}, entered: make(chan string, 1024)}
}

func (p *puppet) Load(bundle []byte) (Program, error) {
	if string(bundle) == "broken" {
		return nil, errors.New("bundle does not parse")
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.loaded++
	return &puppetProgram{puppet: p}, nil
}

type puppetProgram struct{ puppet *puppet }

func (p *puppetProgram) Close() {
	p.puppet.mutex.Lock()
	defer p.puppet.mutex.Unlock()
	p.puppet.closed++
}

func (p *puppetProgram) Step(ctx context.Context, in jsvm.Input) (jsvm.Effects, error) {
	u := p.puppet
	u.mutex.Lock()
	u.ran++
	u.running[in.Thread]++
	if u.running[in.Thread] > 1 {
		u.overlaps++
	}
	block := u.block[in.Thread]
	u.mutex.Unlock()
	defer func() {
		u.mutex.Lock()
		defer u.mutex.Unlock()
		if u.running[in.Thread]--; u.running[in.Thread] == 0 {
			delete(u.running, in.Thread)
		}
	}()
	if block != nil {
		select {
		case u.entered <- in.Thread:
		default:
		}
		select {
		case <-block:
		case <-ctx.Done():
			return jsvm.Effects{}, ctx.Err()
		}
	}
	if u.pauseMax > 0 {
		time.Sleep(rand.N(u.pauseMax))
	}
	return puppetStep(in)
}

// puppetStep is the step itself, without side effects.
func puppetStep(in jsvm.Input) (jsvm.Effects, error) {
	var order string
	if in.Continuation == nil {
		_ = json.Unmarshal(in.Event, &order)
	} else {
		var resume struct{ Value string }
		_ = json.Unmarshal(in.Event, &resume)
		order = resume.Value
	}
	log := string(in.Continuation) + order[:min(len(order), 8)] + ";"
	count := strings.Count(log, ";")
	effects := jsvm.Effects{Continuation: []byte(log), Refs: []string{fmt.Sprintf("r%d", count)}}
	switch order {
	case "fault":
		return jsvm.Effects{}, errors.New("step went wrong")
	case "panic":
		panic("puppet panics")
	case "mismatch":
		return jsvm.Effects{}, fmt.Errorf("%w: odd", jsvm.ErrUnmatched)
	case "topic":
		effects.Outputs = []jsvm.Output{{Topic: "nowhere", Key: in.Thread, Value: []byte("x")}}
	case "end":
		effects.Continuation, effects.Refs = nil, nil
		effects.Outputs = []jsvm.Output{{Topic: "out", Key: in.Thread, Value: []byte("ended after " + log)}}
	default:
		effects.Outputs = []jsvm.Output{{Topic: "out", Key: in.Thread, Value: []byte(log)}}
	}
	return effects, nil
}

func start(order string) string  { return fmt.Sprintf("new:%q", order) }
func ensure(order string) string { return fmt.Sprintf("init:%q", order) }
func resume(count int, order string) string {
	return fmt.Sprintf(`{"ref":"r%d","value":%q}`, count, order)
}
