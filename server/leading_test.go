package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// diary records what parts are told.
type diary struct {
	mutex   sync.Mutex
	entries []string
}

func (d *diary) write(entry string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.entries = append(d.entries, entry)
}

func (d *diary) take() []string {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	taken := d.entries
	d.entries = nil
	return taken
}

type diaryPart struct {
	name  string
	diary *diary
}

func (p diaryPart) Start() { p.diary.write("start " + p.name) }
func (p diaryPart) Stop()  { p.diary.write("stop " + p.name) }

func TestLeadersPartsFollowLeadership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		changes := make(chan bool)
		failures := 0
		prepare := func(context.Context) error {
			d.write("prepare")
			if failures > 0 {
				failures--
				return errors.New("not yet")
			}
			return nil
		}
		l := newLeading(slog.New(slog.DiscardHandler), changes, prepare, diaryPart{"a", d}, diaryPart{"b", d})
		l.start()
		up := []string{"prepare", "start a", "start b"}
		down := []string{"stop b", "stop a"}
		expect := func(what string, isReady bool, want ...string) {
			t.Helper()
			synctest.Wait()
			if got := d.take(); !slices.Equal(got, want) || l.isReady.Load() != isReady {
				t.Errorf("%s: %q, ready %v; want %q, ready %v", what, got, l.isReady.Load(), want, isReady)
			}
		}
		changes <- false
		expect("a follower", false)
		changes <- true
		expect("a leader", true, up...)
		changes <- true
		expect("a leader again, with a term in between", true, append(slices.Clone(down), up...)...)
		changes <- false
		expect("deposed", false, down...)
		failures = 2
		changes <- true
		expect("a leader that can't prepare", false, "prepare")
		time.Sleep(prepareAgainAfter)
		expect("still not", false, "prepare")
		time.Sleep(prepareAgainAfter)
		expect("now it can", true, up...)
		failures = 1
		changes <- true
		expect("a new term that can't", false, append(slices.Clone(down), "prepare")...)
		changes <- false
		time.Sleep(time.Hour)
		expect("deposed before it could", false)
		changes <- true
		expect("a leader", true, up...)
		l.close()
		expect("closed", false, down...)
	})
}

func TestLeadersPartsStopWhenTheLogStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		changes := make(chan bool, 1)
		l := newLeading(slog.New(slog.DiscardHandler), changes, func(context.Context) error { return nil }, diaryPart{"a", d})
		l.start()
		changes <- true
		synctest.Wait()
		close(changes)
		synctest.Wait()
		if got := d.take(); !slices.Equal(got, []string{"start a", "stop a"}) {
			t.Errorf("%q", got)
		}
		l.close()
	})
}
