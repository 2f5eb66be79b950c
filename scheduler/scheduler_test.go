package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kont/statemachine/command"
)

// table is the state machine's twin: a sorted slice of timers, and a proposer that
// takes proposalTime.
type table struct {
	proposalTime time.Duration

	mutex sync.Mutex
	// told is what NextTimerDue said last; wake is woken for earlier ones only.
	told     int64
	wake     chan<- struct{}
	timers   []command.TimerKey
	fired    []firing
	commands int
	// fail, if set, is asked before each proposal; isApplied says that the command
	// takes effect in spite of the error.
	fail     func() (err error, isApplied bool)
	readFail func() error
	// bytesMax, if set, bounds a command's keys.
	bytesMax int
}

// firing is a timer that fired and when.
type firing struct {
	command.TimerKey
	at time.Time
}

func newTable() *table {
	return &table{proposalTime: 500 * time.Microsecond}
}

// set sets or replaces a timer.
func (b *table) set(key string, due time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.removeLocked(key)
	b.timers = append(b.timers, command.TimerKey{Topic: command.TopicScheduler, Key: key, DueUnixMilli: due.UnixMilli()})
	slices.SortStableFunc(b.timers, func(a, c command.TimerKey) int { return cmp.Compare(a.DueUnixMilli, c.DueUnixMilli) })
	if b.wake != nil && due.UnixMilli() < b.told {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

func (b *table) cancel(key string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.removeLocked(key)
}

func (b *table) removeLocked(key string) {
	b.timers = slices.DeleteFunc(b.timers, func(t command.TimerKey) bool { return t.Key == key })
}

func (b *table) readErrorLocked() error {
	if b.readFail == nil {
		return nil
	}
	return b.readFail()
}

func (b *table) TimersDueBy(unixMilli int64, limit int) ([]command.TimerKey, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if err := b.readErrorLocked(); err != nil {
		return nil, err
	}
	var due []command.TimerKey
	for _, timer := range b.timers {
		if timer.DueUnixMilli <= unixMilli && len(due) < limit {
			due = append(due, timer)
		}
	}
	return due, nil
}

func (b *table) NextTimerDue() (int64, bool, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.told = math.MaxInt64
	if len(b.timers) > 0 {
		b.told = b.timers[0].DueUnixMilli
	}
	return b.told, len(b.timers) > 0, b.readErrorLocked()
}

func (b *table) WatchTimers(wake chan<- struct{}) (cancel func()) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.wake = wake
	return func() {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		b.wake = nil
	}
}

func (b *table) Propose(ctx context.Context, c command.Command) (command.Result, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(b.proposalTime):
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.commands++
	if bytes := keyBytes(c.(command.FireTimers).Timers); b.bytesMax > 0 && bytes > b.bytesMax {
		return nil, fmt.Errorf("%w: %d bytes", command.ErrLimit, bytes)
	}
	var failure error
	if b.fail != nil {
		var isApplied bool
		if failure, isApplied = b.fail(); failure != nil && !isApplied {
			return nil, failure
		}
	}
	fired := 0
	for _, timer := range c.(command.FireTimers).Timers {
		if i := slices.Index(b.timers, timer); i >= 0 && !strings.HasPrefix(timer.Key, "stuck|") {
			b.timers = slices.Delete(b.timers, i, i+1)
			if strings.HasPrefix(timer.Key, "lost|") {
				continue
			}
			b.fired = append(b.fired, firing{timer, time.Now()})
			fired++
		}
	}
	if failure != nil {
		return nil, failure
	}
	return fired, nil
}

func keyBytes(timers []command.TimerKey) int {
	n := 0
	for _, timer := range timers {
		n += len(timer.Key)
	}
	return n
}

func (b *table) firings() []firing {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return slices.Clone(b.fired)
}

func quiet(b *table) *Scheduler {
	return New(Config{Store: b, Proposer: b, Logger: slog.New(slog.DiscardHandler)})
}

// inVirtualTime runs a test in a bubble whose clock moves when all are waiting.
func inVirtualTime(t *testing.T, f func(t *testing.T, b *table, s *Scheduler)) {
	synctest.Test(t, func(t *testing.T) {
		b := newTable()
		s := quiet(b)
		f(t, b, s)
		s.Stop()
	})
}

func TestTimerFiresWithinAMillisecondOfDue(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		s.Start()
		due := time.Now().Add(90*time.Minute + 7*time.Millisecond)
		b.set("a|x", due)
		time.Sleep(2 * time.Hour)
		fired := b.firings()
		if len(fired) != 1 {
			t.Fatalf("%d fired, want 1", len(fired))
		}
		if late := fired[0].at.Sub(due); late < 0 || late > time.Millisecond {
			t.Errorf("late by %v", late)
		}
	})
}

func TestEarlierTimerIsNotHeldUpByALaterOne(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		s.Start()
		b.set("late", time.Now().Add(800*time.Millisecond))
		synctest.Wait()
		due := time.Now().Add(5 * time.Millisecond)
		b.set("early", due)
		time.Sleep(time.Second)
		fired := b.firings()
		if len(fired) != 2 || fired[0].Key != "early" || fired[0].at.Sub(due) > time.Millisecond {
			t.Errorf("fired %v", fired)
		}
	})
}

func TestOverdueTimersFireAtStart(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		b.set("b", time.Now().Add(-time.Hour))
		b.set("a", time.Now().Add(-2*time.Hour))
		began := time.Now()
		s.Start()
		time.Sleep(time.Second)
		fired := b.firings()
		if len(fired) != 2 || fired[0].Key != "a" || fired[1].at.Sub(began) > time.Millisecond {
			t.Errorf("fired %v", fired)
		}
	})
}

func TestCancelledAndReplacedTimersDoNotFire(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		s.Start()
		b.set("cancelled", time.Now().Add(time.Second))
		b.set("replaced", time.Now().Add(time.Second))
		synctest.Wait()
		b.cancel("cancelled")
		due := time.Now().Add(3 * time.Second)
		b.set("replaced", due)
		time.Sleep(time.Minute)
		fired := b.firings()
		if len(fired) != 1 || fired[0].Key != "replaced" || fired[0].at.Before(due) {
			t.Errorf("fired %v", fired)
		}
	})
}

// 5,000 timers are due in the same millisecond; a proposal takes 2 ms.
func TestBurstFiresInDueOrderInFewCommands(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		b.proposalTime = 2 * time.Millisecond
		due := time.Now().Add(time.Minute)
		for i := range 5000 {
			b.set(fmt.Sprint(i), due)
		}
		s.Start()
		time.Sleep(2 * time.Minute)
		fired := b.firings()
		if len(fired) != 5000 || b.commands > 5 {
			t.Fatalf("%d fired by %d commands", len(fired), b.commands)
		}
		if late := fired[4999].at.Sub(due); late > 11*time.Millisecond {
			t.Errorf("last late by %v", late)
		}
		if !slices.IsSortedFunc(fired, func(a, c firing) int { return cmp.Compare(a.DueUnixMilli, c.DueUnixMilli) }) {
			t.Error("not in due order")
		}
	})
}

func TestNothingFiresAfterStop(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		s.Start()
		b.set("a", time.Now().Add(time.Minute))
		synctest.Wait()
		s.Stop()
		time.Sleep(time.Hour)
		if fired := b.firings(); len(fired) != 0 {
			t.Errorf("fired %v", fired)
		}
	})
}

// A node that can't propose, or whose disk fails, is asked again without a busy
// loop, and fires what became due.
func TestFailuresAreWaitedOut(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		back := time.Now().Add(time.Minute)
		b.fail = func() (error, bool) {
			if time.Now().Before(back) {
				return command.ErrUnavailable, false
			}
			return nil, false
		}
		readBack := time.Now().Add(30 * time.Second)
		b.readFail = func() error {
			if time.Now().Before(readBack) {
				return errors.New("input/output error")
			}
			return nil
		}
		b.set("a", time.Now())
		s.Start()
		time.Sleep(2 * time.Minute)
		fired := b.firings()
		if len(fired) != 1 || b.commands > 100 {
			t.Errorf("fired %v by %d commands", fired, b.commands)
		}
		if late := fired[0].at.Sub(back); late > retryAfterMax+time.Millisecond {
			t.Errorf("fired %v after the node came back", late)
		}
	})
}

// A store that shows a timer which Apply does not know costs at most a command a
// second.
func TestTimersThatNeverFireCauseNoBusyLoop(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, _ *Scheduler) {
		b.set("a", time.Now())
		ghost := &ghosts{table: b}
		s := New(Config{Store: b, Proposer: ghost, Logger: slog.New(slog.DiscardHandler)})
		s.Start()
		time.Sleep(time.Minute)
		s.Stop()
		if ghost.proposed > 80 {
			t.Errorf("%d commands in a minute", ghost.proposed)
		}
	})
}

// ghosts fires nothing.
type ghosts struct {
	*table
	proposed int
}

func (g *ghosts) Propose(context.Context, command.Command) (command.Result, error) {
	g.proposed++
	return 0, nil
}

// Random timers are set, replaced and cancelled while proposals fail, take effect
// unheard, and leadership comes and goes. Each fires once, never early, in due
// order unless it was overdue when it was set.
func TestEachTimerFiresOnceAcrossFaults(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		random := rand.New(rand.NewPCG(seed, 0))
		faults := rand.New(rand.NewPCG(seed, 1))
		b.fail = func() (error, bool) {
			switch faults.IntN(6) {
			case 0:
				return command.ErrNotLeader, false
			case 1:
				return command.ErrUnavailable, true
			}
			return nil, false
		}
		expected := map[string]time.Time{}
		for i := range 2000 {
			key := fmt.Sprint(random.IntN(1500))
			switch {
			case random.IntN(10) == 0:
				b.cancel(key)
				if !hasFired(b, key) {
					delete(expected, key)
				}
			case hasFired(b, key) || expected[key] != (time.Time{}):
			default:
				due := time.Now().Add(time.Duration(random.IntN(3000)) * time.Millisecond)
				expected[key] = due.Truncate(time.Millisecond)
				b.set(key, due)
			}
			if random.IntN(5) == 0 {
				time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond)
			}
			if i%50 == 0 {
				s.Stop()
				s = quiet(b)
				s.Start()
			}
		}
		time.Sleep(time.Minute)
		s.Stop()
		count := map[string]int{}
		for _, firing := range b.firings() {
			count[firing.Key]++
			if due := expected[firing.Key]; firing.at.Before(due) {
				t.Errorf("%s fired %v early", firing.Key, due.Sub(firing.at))
			}
		}
		for key := range expected {
			if count[key] != 1 {
				t.Errorf("%s fired %d times", key, count[key])
			}
		}
		if len(count) != len(expected) {
			t.Errorf("%d keys fired, %d expected", len(count), len(expected))
		}
	})
}

func hasFired(b *table, key string) bool {
	return slices.ContainsFunc(b.firings(), func(f firing) bool { return f.Key == key })
}

// An entry of the log holds 32 MiB; the longest keys of a burst are more together.
func TestBurstOfTimersWithLongKeysFitsTheLog(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		b.bytesMax = 16 << 20
		due := time.Now().Add(time.Second).UnixMilli()
		for i := range timersMax {
			key := fmt.Sprintf("%04d|%s", i, strings.Repeat("x", 8000))
			b.timers = append(b.timers, command.TimerKey{Topic: command.TopicScheduler, Key: key, DueUnixMilli: due})
		}
		s.Start()
		time.Sleep(2 * time.Second)
		fired := b.firings()
		if len(fired) != timersMax {
			t.Fatalf("%d fired, want %d", len(fired), timersMax)
		}
		for i := range fired {
			if want := fmt.Sprintf("%04d|", i); fired[i].Key[:5] != want {
				t.Fatalf("timer %d is %s", i, fired[i].Key[:5])
			}
		}
	})
}

// Timers of which the resume topic was deleted are passed over, and hold up nobody.
func TestLostTimersDoNotDelayOthers(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		due := time.Now().Add(time.Second)
		for i := range 8 * timersMax {
			b.timers = append(b.timers, command.TimerKey{Topic: "gone", Key: fmt.Sprint("lost|", i), DueUnixMilli: due.UnixMilli()})
		}
		due = due.Add(time.Millisecond)
		b.timers = append(b.timers, command.TimerKey{Topic: command.TopicScheduler, Key: "a|x", DueUnixMilli: due.UnixMilli()})
		s.Start()
		time.Sleep(10 * time.Second)
		fired := b.firings()
		if len(fired) != 1 || fired[0].at.Sub(due) > 10*time.Millisecond {
			t.Errorf("fired %v, due at %v", fired, due)
		}
	})
}

// A timer that the store lists and Apply never takes is proposed again and again, but
// not in a busy loop.
func TestTimerThatApplyNeverTakesIsNoBusyLoop(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, b *table, s *Scheduler) {
		b.set("stuck|x", time.Now())
		s.Start()
		time.Sleep(time.Minute)
		b.mutex.Lock()
		defer b.mutex.Unlock()
		if b.commands > 100 {
			t.Errorf("%d commands in a minute", b.commands)
		}
	})
}
