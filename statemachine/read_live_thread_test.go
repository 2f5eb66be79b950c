package statemachine

import (
	"testing"

	"kont/statemachine/command"
)

// Of every thread that a random workload leaves behind, large ones and faulted ones
// too, LiveThread tells what Thread does.
func TestLiveThreadIsTheThreadUnlessItHasEnded(t *testing.T) {
	h := newHarness(t)
	newWorkload(h, 3).run(600)
	page, err := h.store.Threads(ThreadsQuery{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	live, large := 0, 0
	for _, listed := range page.Threads {
		want, exists, err := h.store.Thread(listed.ResumeTopic, listed.Key)
		if err != nil || !exists {
			t.Fatalf("thread %s: %t, %v", listed.Key, exists, err)
		}
		isLive := want.Status != command.ThreadEnded
		want.KeptEvents = nil
		if !isLive {
			want = command.Thread{}
		} else if live++; len(want.Continuation) > inlineContinuationBytes {
			large++
		}
		got, exists, err := h.store.LiveThread(listed.ResumeTopic, listed.Key)
		requireEqual(t, "error", err, error(nil))
		requireEqual(t, listed.Key+" exists", exists, isLive)
		requireEqual(t, listed.Key, got, want)
	}
	if live == len(page.Threads) || live == 0 || large == 0 {
		t.Errorf("%d of %d threads are live, %d large: the workload shows too little", live, len(page.Threads), large)
	}
	for _, topic := range []string{command.TopicResume, "no such topic"} {
		if _, exists, err := h.store.LiveThread(topic, "no such thread"); exists || err != nil {
			t.Errorf("%s: %t, %v", topic, exists, err)
		}
	}
}
