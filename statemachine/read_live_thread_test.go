package statemachine

import (
	"testing"

	"kont/statemachine/command"
)

// Of every thread that random workloads leave behind, large ones and faulted ones
// too, LiveThread tells what Thread does.
func TestLiveThreadIsTheThreadUnlessItHasEnded(t *testing.T) {
	threads, live, large := 0, 0, 0
	for seed := range uint64(5) {
		h := newHarness(t)
		newWorkload(h, seed).run(300)
		page, err := h.store.Threads(ThreadsQuery{Limit: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		threads += len(page.Threads)
		for _, listed := range page.Threads {
			want, exists, err := h.store.Thread(listed.ResumeTopic, listed.Key)
			if err != nil || !exists {
				t.Fatalf("seed %d: thread %s: %t, %v", seed, listed.Key, exists, err)
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
		for _, topic := range []string{command.TopicResume, "no such topic"} {
			if _, exists, err := h.store.LiveThread(topic, "no such thread"); exists || err != nil {
				t.Errorf("%s: %t, %v", topic, exists, err)
			}
		}
	}
	if live == threads || live == 0 || large == 0 {
		t.Errorf("%d of %d threads are live, %d large: the workloads show too little", live, threads, large)
	}
}
