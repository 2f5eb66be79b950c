package kafkacompat

import (
	"context"
	"errors"
	"testing"
)

func TestLargeAnswersHaveBoundedMemory(t *testing.T) {
	b := newBulk(100)
	free, err := b.hold(t.Context(), 60)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.hold(ended, 60); !errors.Is(err, context.Canceled) {
		t.Errorf("60 bytes of 40: %v", err)
	}
	free()
	// An answer that is larger than all memory waits for all of it.
	if free, err = b.hold(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := b.hold(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a byte of none: %v", err)
	}
	free()
	for range cap(b.places) {
		if _, err := b.enter(t.Context(), false, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.enter(ended, false, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a place of none: %v", err)
	}
	for range 2 * cap(b.waitingPlaces) {
		leave, err := b.enter(t.Context(), true, nil)
		if err != nil {
			t.Fatal(err)
		}
		leave()
		leave()
	}
}
