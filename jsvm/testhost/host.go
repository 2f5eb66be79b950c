package testhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kont/jsvm"
)

// The topics of the protocol.
const (
	topicResume    = "workflow-resume"
	topicResult    = "workflow-result"
	topicError     = "workflow-error"
	topicScheduler = "workflow-scheduler"
)

// Host is a world in memory: what is deployed, its threads, topics, timers and time. It belongs to one goroutine.
type Host struct {
	bundles *Bundles
	options hostOptions

	apps  map[string]*app // by resume topic
	first string          // the resume topic of the first
	// schedulers are the resume topics by the scheduler topic of each.
	schedulers map[string]string
	topics     map[string]bool // that exist
	machines   map[*program]*machine

	threads   map[threadID]*thread
	timers    *timers
	now       int64 // virtual Unix milliseconds
	stepID    uint64
	queue     []event // events that wait for their turn
	isRunning bool
	isClosed  bool // its test is over
	records   []Record
	taken     map[reader]int // how many of the records are behind each
	unmatched []Unmatched
	logs      []Log
}

type hostOptions struct {
	topic   string
	now     int64
	restore jsvm.Restore
	seed    uint64
}

// nowDefault is 2020-01-01T00:00:00Z.
const nowDefault = 1_577_836_800_000

// app is what is deployed on a resume topic.
type app struct {
	topic   string
	machine *machine
}

type threadID struct{ topic, key string }

// event is a record of a resume topic.
type event struct {
	thread threadID
	value  *string
}

// Record is an output record of a workflow.
type Record struct {
	Topic, Key, Text string
	Time             int64
}

// Unmatched is an event that no step ran for.
type Unmatched struct{ Thread, Event, Reason string }

// Log is a line of the console of a workflow.
type Log struct{ Level, Text, Thread string }

func newHost(bundles *Bundles, o hostOptions) *Host {
	return &Host{
		bundles: bundles, options: o, first: o.topic, now: o.now,
		apps: map[string]*app{}, schedulers: map[string]string{}, machines: map[*program]*machine{},
		topics:  map[string]bool{topicResult: true, topicError: true},
		threads: map[threadID]*thread{}, timers: newTimers(), taken: map[reader]int{},
	}
}

// close gives the machines back.
func (h *Host) close() {
	for _, m := range h.machines {
		m.release()
	}
	clear(h.machines)
	h.isClosed = true
}

// schedulerTopic is the scheduler topic of the threads of a resume topic.
func schedulerTopic(resumeTopic string) string {
	if resumeTopic == topicResume {
		return topicScheduler
	}
	return resumeTopic + "-scheduler"
}

// deploy binds the workflow of a file to a resume topic; "" is the first one. Threads that run stay on what they started with.
func (h *Host) deploy(ctx context.Context, path, topic string) error {
	topic = cmp.Or(topic, h.first)
	program, err := h.bundles.compile(ctx, path)
	if err != nil {
		return compileText(path, err)
	}
	m := h.machines[program]
	if m == nil {
		m = program.lease(h.options.restore, h.options.seed)
		h.machines[program] = m
	}
	h.apps[topic] = &app{topic: topic, machine: m}
	h.schedulers[schedulerTopic(topic)] = topic
	for _, t := range append([]string{topic, schedulerTopic(topic)}, program.bundle.OutputTopics()...) {
		h.topics[t] = true
	}
	return nil
}

// checkApp says that nothing is deployed on a resume topic.
func (h *Host) checkApp(topic string) error {
	if h.apps[topic] != nil {
		return nil
	}
	var topics []string
	for t := range h.apps {
		topics = append(topics, t)
	}
	slices.Sort(topics)
	return fmt.Errorf("nothing is deployed on topic %q, only on %s", topic, strings.Join(topics, ", "))
}

// send writes a record from outside and runs what it causes; nil is no value.
func (h *Host) send(ctx context.Context, topic, key string, value *string) error {
	if !h.topics[topic] {
		return fmt.Errorf("send: there is no topic %q", topic)
	}
	h.append(topic, key, value)
	return h.run(ctx)
}

// append lets a record take effect: on a resume topic it is queued, on a scheduler topic it sets a timer.
func (h *Host) append(topic, key string, value *string) (isOther bool) {
	if h.apps[topic] != nil {
		h.queue = append(h.queue, event{threadID{topic, key}, value})
		return false
	}
	if _, isScheduler := h.schedulers[topic]; isScheduler {
		if reason := h.timers.schedule(topic, key, value, h.now); reason != "" {
			thread, _, _ := strings.Cut(key, "|")
			h.logs = append(h.logs, Log{Level: "warn", Text: "scheduler record rejected: " + reason, Thread: thread})
		}
		return false
	}
	return true
}

// run runs the queued events, one after the other, and what they cause. An error is the context's.
func (h *Host) run(ctx context.Context) error {
	if h.isRunning {
		return errors.New("a step is running") // nothing of a step can call the test
	}
	h.isRunning = true
	defer func() { h.isRunning = false }()
	for len(h.queue) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := h.queue[0]
		h.queue[0] = event{}
		if h.queue = h.queue[1:]; len(h.queue) == 0 {
			h.queue = nil
		}
		if err := h.handle(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// advance lets time pass. Timers fire in due order; what one causes has run before the next fires.
func (h *Host) advance(ctx context.Context, milli int64) error {
	until := h.now + milli
	for {
		t := h.timers.first()
		if t == nil || t.due > until {
			break
		}
		if err := h.fire(ctx); err != nil {
			return err
		}
	}
	h.now = until
	return nil
}

// settle fires timers until none is left, or limit have fired.
func (h *Host) settle(ctx context.Context, limit int) (fired int, err error) {
	for fired < limit && h.timers.first() != nil {
		if err := h.fire(ctx); err != nil {
			return fired, err
		}
		fired++
	}
	return fired, nil
}

// fire fires the timer that is due next.
func (h *Host) fire(ctx context.Context) error {
	t := h.timers.take()
	h.now = max(h.now, t.due)
	thread, value := t.parts()
	h.append(h.schedulers[t.topic], thread, &value)
	return h.run(ctx)
}

// reader is who takes records: the host or a thread, of one topic or ("") of all.
type reader struct {
	isThread   bool
	key, topic string
}

func (r reader) of(topic string) reader {
	r.topic = topic
	return r
}

// recordsOf lists the records of a topic ("" for all) with a key (nil for all). With isTake, those that the same take has given are left out.
func (h *Host) recordsOf(topic string, key *string, isTake bool) []Record {
	scope := reader{} // takes of a thread know nothing of those of the host
	if key != nil {
		scope = reader{isThread: true, key: *key}
	}
	var list []Record
	for i, r := range h.records {
		if topic != "" && r.Topic != topic || key != nil && r.Key != *key {
			continue
		}
		if isTake && i < max(h.taken[scope.of("")], h.taken[scope.of(r.Topic)]) {
			continue
		}
		list = append(list, r)
	}
	if isTake {
		h.taken[scope.of(topic)] = len(h.records)
	}
	return list
}

// threadKeys lists the threads that run or are faulted, sorted.
func (h *Host) threadKeys() []string {
	keys := []string{}
	for id, t := range h.threads {
		if t.status == statusRunning || t.status == statusFaulted {
			keys = append(keys, id.key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
