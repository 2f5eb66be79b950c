package server_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/statemachine/command"
)

var (
	chaosFlag     = flag.Bool("chaos", false, "kill the server at 20 random instants rather than 3, and after every record of a demo rather than every eighth")
	chaosSeedFlag = flag.Uint64("chaos-seed", 0, "seed of the instants, 0 for a fresh one")
)

const (
	chaosOut   = "chaos-out"
	chaosAcked = "chaos-acked"
	// chaosWaits is how many resumes a thread of the load takes; a timer is one
	// more wait.
	chaosWaits = 4
)

// chaosWorkflow writes a record before each wait and adds up what it is resumed
// with.
const chaosWorkflow = `
import * as W from "kont";
export const manifest = { outputTopics: ["chaos-out"] };
export default async function main(waits: number) {
  let sum = 0;
  for (let i = 0; i < waits; i++) {
    const answer = W.ref<number>("answer");
    W.outputJSON({ i, ref: answer.id }, "chaos-out");
    sum += await answer;
    if (i === 1) await W.sleep(30);
  }
  return sum;
}
`

// A real server is killed at random instants while clients start threads, resume
// them and write records. In the end every acknowledged record is there once,
// every thread has finished with the right result, and each record that a thread
// wrote exists exactly once.
func TestKillAtRandomInstantsLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	seed := *chaosSeedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	kills := 3
	if *chaosFlag {
		kills = 20
	}
	t.Logf("seed %d, %d kills", seed, kills)
	random := rand.New(rand.NewPCG(seed, 0))

	s := newChaosServer(t)
	s.start()
	s.deployBundle(compileSource(t, chaosWorkflow))
	load := newChaosLoad(t, s.kafkaAddress)
	load.start()
	var ready, firstResume []time.Duration
	for range kills {
		if random.IntN(4) == 0 {
			// While it starts, or soon after.
			s.sleep(time.Duration(random.IntN(200)) * time.Millisecond)
			s.kill()
			s.launch()
			s.sleep(time.Duration(random.IntN(150)) * time.Millisecond)
			s.kill()
		} else {
			s.sleep(time.Duration(100+random.IntN(500)) * time.Millisecond)
			s.kill()
		}
		seen := load.consumed.Load()
		began := time.Now()
		s.start()
		ready = append(ready, time.Since(began))
		waitUntil(t, "the first record after a kill", func() bool { return load.consumed.Load() > seen })
		firstResume = append(firstResume, time.Since(began))
	}
	load.finish()
	t.Log(load.check(s.kafkaAddress))
	slices.Sort(ready)
	slices.Sort(firstResume)
	t.Logf("threads %d, records acknowledged %d; from exec to ready p50 %v max %v; to the first step's record at a client p50 %v max %v",
		len(load.started), len(load.acked), ready[len(ready)/2], ready[len(ready)-1], firstResume[len(firstResume)/2], firstResume[len(firstResume)-1])
}

// chaosLoad are the clients.
type chaosLoad struct {
	t       *testing.T
	client  *kgo.Client
	ctx     context.Context
	cancel  context.CancelFunc
	clients sync.WaitGroup
	stop    chan struct{}
	// consumed counts records of threads that came out.
	consumed atomic.Int64
	// ackedNano is when a record was acknowledged last, since began, waitedNano the longest time between two.
	began                 time.Time
	ackedNano, waitedNano atomic.Int64

	mutex sync.Mutex
	// The mutex guards all that follows. started and acked are keys of starts and
	// values of records that the server acknowledged.
	started  []string
	acked    []string
	finished map[string]int
	// pauses are the times of chaosPauseLeast and more without an acknowledgement.
	pauses []chaosPause
}

// chaosPauseLeast is what counts as a pause.
const chaosPauseLeast = 50 * time.Millisecond

// chaosPause is a time in which no record was acknowledged.
type chaosPause struct{ from, to time.Time }

func newChaosLoad(t *testing.T, addresses ...string) *chaosLoad {
	l := &chaosLoad{t: t, began: time.Now(), stop: make(chan struct{}), finished: map[string]int{}}
	l.ctx, l.cancel = context.WithCancel(t.Context())
	l.client = newChaosClient(t, addresses, kgo.ConsumeTopics(chaosOut, command.TopicResult), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if _, err := kadm.NewClient(l.client).CreateTopics(l.ctx, 4, 1, nil, chaosAcked); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.cancel()
		l.clients.Wait()
	})
	return l
}

func newChaosClient(t *testing.T, addresses []string, options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addresses...),
		kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }),
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RetryTimeout(time.Minute),
		kgo.ProducerLinger(0),
		kgo.FetchMaxWait(100 * time.Millisecond),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseAllowingRebalance)
	return client
}

// start starts clients that start threads one after the other, others that write
// records, and one that answers what the threads ask for.
func (l *chaosLoad) start() {
	for worker := range 4 {
		l.clients.Go(func() { l.startThreads(worker) })
		l.clients.Go(func() { l.writeRecords(worker) })
	}
	l.clients.Go(l.answer)
}

func (l *chaosLoad) isStopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

func (l *chaosLoad) startThreads(worker int) {
	for i := 0; !l.isStopped(); i++ {
		key := fmt.Sprintf("t%d-%d", worker, i)
		record := &kgo.Record{Topic: command.TopicResume, Key: []byte(key), Value: fmt.Appendf(nil, "new:%d", chaosWaits)}
		if err := l.client.ProduceSync(l.ctx, record).FirstErr(); err != nil {
			if l.ctx.Err() == nil {
				l.t.Errorf("start %s: %v", key, err)
			}
			return
		}
		l.mutex.Lock()
		l.started = append(l.started, key)
		l.mutex.Unlock()
	}
}

func (l *chaosLoad) writeRecords(worker int) {
	for i := 0; !l.isStopped(); i++ {
		value := fmt.Sprintf("%d-%d", worker, i)
		if err := l.client.ProduceSync(l.ctx, &kgo.Record{Topic: chaosAcked, Value: []byte(value)}).FirstErr(); err != nil {
			if l.ctx.Err() == nil {
				l.t.Errorf("write %s: %v", value, err)
			}
			return
		}
		now := int64(time.Since(l.began)) // clocks of machines are set now and then
		if before := l.ackedNano.Swap(now); before > 0 {
			l.waitedNano.Store(max(l.waitedNano.Load(), now-before))
			if now-before > int64(chaosPauseLeast) {
				l.mutex.Lock()
				l.pauses = append(l.pauses, chaosPause{l.began.Add(time.Duration(before)), l.began.Add(time.Duration(now))})
				l.mutex.Unlock()
			}
		}
		l.mutex.Lock()
		l.acked = append(l.acked, value)
		l.mutex.Unlock()
	}
}

type chaosQuestion struct {
	I   int
	Ref string
}

func (l *chaosLoad) answer() {
	for l.ctx.Err() == nil {
		fetches := l.client.PollFetches(l.ctx)
		fetches.EachRecord(func(record *kgo.Record) {
			if record.Topic == command.TopicResult {
				l.mutex.Lock()
				l.finished[string(record.Key)]++
				l.mutex.Unlock()
				return
			}
			l.consumed.Add(1)
			var question chaosQuestion
			if err := json.Unmarshal(record.Value, &question); err != nil {
				l.t.Errorf("record %q: %v", record.Value, err)
				return
			}
			value := fmt.Sprintf(`{"ref":%q,"value":%d}`, question.Ref, question.I+1)
			answer := &kgo.Record{Topic: command.TopicResume, Key: record.Key, Value: []byte(value)}
			l.client.Produce(l.ctx, answer, func(_ *kgo.Record, err error) {
				if err != nil && l.ctx.Err() == nil {
					l.t.Errorf("resume %s: %v", record.Key, err)
				}
			})
		})
	}
}

// finish starts no more threads and waits for the end of those that run.
func (l *chaosLoad) finish() {
	l.t.Helper()
	close(l.stop)
	missing := ""
	isThere := func() bool {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		for _, key := range l.started {
			if l.finished[key] == 0 {
				missing = key
				return false
			}
		}
		return true
	}
	if !chaosEventually(isThere) {
		l.t.Errorf("%v after the last fault thread %s has no result", chaosPatience, missing)
	}
}

// chaosPatience is how long what was begun may take to end after the last fault.
const chaosPatience = 90 * time.Second

// chaosEventually waits for a condition that other processes bring about.
func chaosEventually(condition func() bool) bool {
	for deadline := time.Now().Add(chaosPatience); !condition(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// chaosCounts are what a check found: how much was acknowledged, and how much of it is not there, or more than once.
type chaosCounts struct{ acknowledged, lost, repeated int }

func (c chaosCounts) String() string {
	return fmt.Sprintf("%d acknowledged, %d lost, %d repeated", c.acknowledged, c.lost, c.repeated)
}

// add counts one thing that was acknowledged, and is there n times.
func (c *chaosCounts) add(n int) {
	c.acknowledged++
	if n == 0 {
		c.lost++
	}
	c.repeated += max(0, n-1)
}

func (c *chaosCounts) addAll(other chaosCounts) {
	c.acknowledged += other.acknowledged
	c.lost += other.lost
	c.repeated += other.repeated
}

// chaosComplaints are errors of which there may be thousands, all of one cause: the first ones are told.
type chaosComplaints struct {
	t *testing.T
	n int
}

func (c *chaosComplaints) errorf(format string, args ...any) {
	c.t.Helper()
	const most = 10
	switch c.n++; {
	case c.n <= most:
		c.t.Errorf(format, args...)
	case c.n == most+1:
		c.t.Errorf("and more of that kind, which are not told")
	}
}

// check reads all topics from the beginning and compares.
func (l *chaosLoad) check(address string) (counts chaosCounts) {
	l.t.Helper()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	complaints := &chaosComplaints{t: l.t}
	if len(l.started) == 0 || len(l.acked) == 0 {
		l.t.Fatal("there was no load")
	}
	results := map[string][]string{}
	for _, record := range readAll(l.t, address, command.TopicResult) {
		results[string(record.Key)] = append(results[string(record.Key)], string(record.Value))
	}
	questions := map[string]int{}
	for _, record := range readAll(l.t, address, chaosOut) {
		var question chaosQuestion
		if err := json.Unmarshal(record.Value, &question); err != nil {
			l.t.Errorf("record %q: %v", record.Value, err)
		}
		questions[fmt.Sprintf("%s %d", record.Key, question.I)]++
	}
	want := fmt.Sprint(chaosWaits * (chaosWaits + 1) / 2)
	for _, key := range l.started {
		counts.add(len(results[key]))
		if got := results[key]; !slices.Equal(got, []string{want}) {
			complaints.errorf("thread %s has results %q, want one %s", key, got, want)
		}
		for i := range chaosWaits {
			if n := questions[fmt.Sprintf("%s %d", key, i)]; n != 1 {
				complaints.errorf("thread %s wrote record %d %d times", key, i, n)
			}
		}
	}
	isOurs := map[string]bool{}
	for _, key := range l.started {
		isOurs[key] = true
	}
	for _, failed := range readAll(l.t, address, command.TopicError) {
		if isOurs[string(failed.Key)] {
			l.t.Errorf("thread %s failed with %s", failed.Key, failed.Value)
			break
		}
	}
	written := map[string]int{}
	for _, record := range readAll(l.t, address, chaosAcked) {
		written[string(record.Value)]++
	}
	for _, value := range l.acked {
		counts.add(written[value])
		if written[value] != 1 {
			complaints.errorf("acknowledged record %s is there %d times", value, written[value])
		}
	}
	return counts
}

func (l *chaosLoad) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return fmt.Sprintf("%d threads that were resumed and slept, %d records acknowledged", len(l.started), len(l.acked))
}
