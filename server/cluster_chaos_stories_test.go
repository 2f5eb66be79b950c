//go:build unix

package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/demos"
	"kont/jsvm"
	"kont/statemachine/command"
)

const (
	chaosTripsResume  = "chaos-trips"
	chaosReservations = "reservations"
	chaosLocksResume  = "chaos-locks"
	chaosSections     = "chaos-sections"
	// chaosLocks is how many locks there are, chaosPatienceMilli when a trip is given up.
	chaosLocks         = 4
	chaosPatienceMilli = 400
)

// chaosLock is both: a thread that is a lock, and one that takes a lock, is alone for a while, and gives it back. They talk in events.
const chaosLock = `
import * as W from "kont";
export const manifest = { outputTopics: ["chaos-locks", "chaos-sections"] };
interface Job { lock?: string }
interface Request { from: string; ref: string }
interface Grant { token: number; release: string }
export default async function main({ lock }: Job) {
  if (lock) {
    const granted = W.ref<Grant>("granted");
    W.outputJSON({ ref: "request", value: { from: W.threadId, ref: granted.id } }, "chaos-locks", lock);
    const { token, release } = await granted;
    W.outputJSON({ token, does: "enters" }, "chaos-sections", lock);
    await W.sleep(5);
    W.outputJSON({ token, does: "leaves" }, "chaos-sections", lock);
    W.outputJSON({ ref: release, value: null }, "chaos-locks", lock);
    return token;
  }
  let token = 0;
  for await (const { from, ref } of W.inbox<Request>("request")) {
    const release = W.ref("release");
    W.outputJSON({ ref, value: { token: ++token, release: release.id } }, "chaos-locks", from);
    await release;
  }
}
`

// chaosStories starts threads that take locks, and trips of the saga, whose reservation service it is.
type chaosStories struct {
	t      *testing.T
	client *kgo.Client
	stop   chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	// starting and serving are its goroutines.
	starting, serving sync.WaitGroup

	mutex sync.Mutex
	// The mutex guards all that follows. started are the keys of threads, ended counts their results and errors.
	started []string
	ended   map[string]int
}

func newChaosStories(t *testing.T, c *chaosCluster) *chaosStories {
	c.servers[0].deployOn("lock", chaosLocksResume, compileSource(t, chaosLock))
	demo := demos.All()[slices.IndexFunc(demos.All(), func(d demos.Demo) bool { return d.Name == "trip-booking-saga" })]
	bundle, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: demo.Entry, Files: demo.Files})
	if err != nil {
		t.Fatal(err)
	}
	c.servers[0].deployOn("trips", chaosTripsResume, bundle.Encode())
	s := &chaosStories{t: t, stop: make(chan struct{}), ended: map[string]int{}}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	s.client = newChaosClient(t, c.kafkaAddresses(), kgo.ConsumeTopics(chaosReservations, command.TopicResult, command.TopicError), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	t.Cleanup(func() {
		s.cancel()
		s.starting.Wait()
		s.serving.Wait()
	})
	return s
}

func (s *chaosStories) start() {
	for lock := range chaosLocks {
		s.send(chaosLocksResume, fmt.Sprint("lock-", lock), `new:{}`)
	}
	s.serving.Go(s.serve)
	s.starting.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-s.stop:
				return
			case <-s.ctx.Done(): // the test has failed
				return
			case <-time.After(20 * time.Millisecond): // the load, not a wait
			}
			if key := fmt.Sprint("holder-", i); s.send(chaosLocksResume, key, fmt.Sprintf(`new:{"lock":"lock-%d"}`, i%chaosLocks)) {
				s.noteStart(key)
			}
			if key := fmt.Sprint("trip-", i); s.send(chaosTripsResume, key, fmt.Sprintf(`new:{"customer":"Ann","city":"Rome","patience":%d}`, chaosPatienceMilli)) {
				s.noteStart(key)
			}
		}
	})
}

func (s *chaosStories) noteStart(key string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.started = append(s.started, key)
}

func (s *chaosStories) send(topic, key, event string) (isThere bool) {
	err := s.client.ProduceSync(s.ctx, &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(event)}).FirstErr()
	if err != nil && s.ctx.Err() == nil {
		s.t.Errorf("send %s to %s: %v", event, key, err)
	}
	return err == nil
}

// reservation is a record that a trip has written.
type reservation struct{ Action, Kind, Ref, ID string }

// isTaken says what the service makes of a request to reserve: it takes it, or refuses, or never answers.
func isTaken(trip, kind string) (taken, answers bool) {
	sum := fnv.New32a()
	fmt.Fprint(sum, trip, kind)
	n := sum.Sum32() % 20
	return n > 2, n > 0
}

func (s *chaosStories) serve() {
	for s.ctx.Err() == nil {
		s.client.PollFetches(s.ctx).EachRecord(func(r *kgo.Record) {
			if r.Topic != chaosReservations {
				s.mutex.Lock()
				defer s.mutex.Unlock()
				s.ended[string(r.Key)]++
				return
			}
			var asked reservation
			if err := json.Unmarshal(r.Value, &asked); err != nil {
				s.t.Errorf("record %q: %v", r.Value, err)
				return
			}
			answer := `"value":null`
			if asked.Action == "reserve" {
				isTaken, answers := isTaken(string(r.Key), asked.Kind)
				if !answers {
					return
				}
				if answer = `"error":"sold out"`; isTaken {
					answer = fmt.Sprintf(`"value":{"id":%q,"price":100}`, asked.Kind)
				}
			} else if asked.Action == "withdraw" {
				return
			}
			event := fmt.Sprintf(`{"ref":%q,%s}`, asked.Ref, answer)
			s.client.Produce(s.ctx, &kgo.Record{Topic: chaosTripsResume, Key: r.Key, Value: []byte(event)}, func(_ *kgo.Record, err error) {
				if err != nil && s.ctx.Err() == nil {
					s.t.Errorf("answer %s to %s: %v", event, r.Key, err)
				}
			})
		})
	}
}

func (s *chaosStories) finish() {
	s.t.Helper()
	close(s.stop)
	s.starting.Wait()
	var missing []string
	isThere := func() bool {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		missing = slices.DeleteFunc(slices.Clone(s.started), func(key string) bool { return s.ended[key] > 0 })
		return len(missing) == 0
	}
	if !chaosEventually(isThere) {
		s.t.Errorf("%v after the last fault %d threads have not ended, such as %s", chaosPatience, len(missing), missing[0])
	}
	s.cancel()
	s.serving.Wait()
}

func (s *chaosStories) check(address string) (counts chaosCounts) {
	s.t.Helper()
	complaints := &chaosComplaints{t: s.t}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	ended := map[string][]*kgo.Record{}
	for _, topic := range []string{command.TopicResult, command.TopicError} {
		for _, r := range readAll(s.t, address, topic) {
			ended[string(r.Key)] = append(ended[string(r.Key)], r)
		}
	}
	trips := map[string]map[string]int{} // by key: how many of "cancel car"
	for _, r := range readAll(s.t, address, chaosReservations) {
		var asked reservation
		if err := json.Unmarshal(r.Value, &asked); err != nil {
			s.t.Errorf("record %q: %v", r.Value, err)
		}
		if trips[string(r.Key)] == nil {
			trips[string(r.Key)] = map[string]int{}
		}
		trips[string(r.Key)][asked.Action+" "+asked.Kind]++
	}
	holders := 0
	for _, key := range s.started {
		counts.add(len(ended[key]))
		if len(ended[key]) != 1 {
			complaints.errorf("thread %s has %d results and errors", key, len(ended[key]))
			continue
		}
		isBooked := ended[key][0].Topic == command.TopicResult
		if trip := trips[key]; trip != nil {
			s.checkTrip(key, trip, isBooked)
			continue
		}
		holders++
		if !isBooked {
			s.t.Errorf("thread %s ended with %s", key, ended[key][0].Value)
		}
	}
	s.checkSections(address, holders)
	s.checkEvents(address)
	return counts
}

// checkEvents: no two events of the test say the same to the same thread. So a timer that fired twice is seen here, as is an event that a thread sent
// twice; neither would have another effect, because the second one is unmatched.
func (s *chaosStories) checkEvents(address string) {
	s.t.Helper()
	for _, topic := range []string{command.TopicResume, chaosTripsResume, chaosLocksResume, chaosRegisterResume} {
		seen := map[string]int64{}
		for _, r := range readAll(s.t, address, topic) {
			event := string(r.Key) + " " + string(r.Value)
			if offset, isRepeated := seen[event]; isRepeated {
				s.t.Errorf("event %s is in partition %d of %s at %d and at %d", event, r.Partition, topic, offset, r.Offset)
				break
			}
			seen[event] = r.Offset
		}
		if len(seen) == 0 {
			s.t.Errorf("there is no event in %s", topic)
		}
	}
}

// checkTrip: what was taken has been undone exactly once if the trip was not booked, and not at all if it was.
func (s *chaosStories) checkTrip(key string, wrote map[string]int, isBooked bool) {
	s.t.Helper()
	for _, kind := range []string{"car", "hotel", "flight"} {
		isTaken, answers := isTaken(key, kind)
		undone := wrote["cancel "+kind] + wrote["withdraw "+kind]
		switch {
		case wrote["reserve "+kind] != 1:
		case isBooked && (undone > 0 || !isTaken):
		case !isBooked && isTaken && undone != 1:
		case !isBooked && !isTaken && wrote["cancel "+kind] > 0:
		case !isBooked && !answers && undone != 1:
		case undone > 1:
		default:
			continue
		}
		s.t.Errorf("%s, which is booked: %v, the %s is taken: %v, has written %v", key, isBooked, kind, isTaken, wrote)
	}
}

// checkSections: one enters, leaves, and only then the next enters.
func (s *chaosStories) checkSections(address string, holders int) {
	s.t.Helper()
	last := map[string]string{}
	next := map[string]int{}
	total := 0
	for _, r := range readAll(s.t, address, chaosSections) {
		lock := string(r.Key)
		n := next[lock]
		next[lock]++
		want := fmt.Sprintf(`{"token":%d,"does":"%s"}`, n/2+1, []string{"enters", "leaves"}[n%2])
		if string(r.Value) != want {
			s.t.Errorf("%s: %s after %s, want %s", lock, r.Value, last[lock], want)
			return
		}
		last[lock] = string(r.Value)
		total++
	}
	if total != 2*holders || holders == 0 {
		s.t.Errorf("%d times one entered or left, %d threads wanted to do both", total, holders)
	}
}

func (s *chaosStories) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return fmt.Sprintf("%d trips and holders of locks", len(s.started))
}
