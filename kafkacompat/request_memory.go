package kafkacompat

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// A requestMemory bounds the bytes of requests that are read and not answered, on
// all connections together.
//
// Readers take it as bytes arrive, not when a size is claimed: else three
// connections that announce a hundred megabytes and send nothing would keep all
// others waiting. But frames that have begun may then hold all of it, each waiting
// for the rest of what it needs. So one request at a time may overdraw, and there
// is always one that goes on.
type requestMemory struct {
	bytes *semaphore.Weighted
	// overdraft has room for one, the request that overdraws.
	overdraft chan struct{}
}

// A memoryShare is what one request has of the memory.
type memoryShare struct {
	bytes       int64
	isOverdrawn bool
}

func newRequestMemory(bytesMax int) requestMemory {
	return requestMemory{bytes: semaphore.NewWeighted(int64(bytesMax)), overdraft: make(chan struct{}, 1)}
}

// grow adds bytes to a share and waits until it may. The error is that of ctx.
func (m *requestMemory) grow(ctx context.Context, share *memoryShare, bytes int) error {
	if share.isOverdrawn {
		return nil
	}
	if m.bytes.TryAcquire(int64(bytes)) {
		share.bytes += int64(bytes)
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	acquired := make(chan error, 1)
	go func() { acquired <- m.bytes.Acquire(ctx, int64(bytes)) }()
	select {
	case err := <-acquired:
		if err != nil {
			return err
		}
	case m.overdraft <- struct{}{}:
		cancel()
		if err := <-acquired; err != nil && !m.bytes.TryAcquire(int64(bytes)) {
			share.isOverdrawn = true
			return nil
		}
		<-m.overdraft // room came at the same time
	}
	share.bytes += int64(bytes)
	return nil
}

// release gives a share back.
func (m *requestMemory) release(share *memoryShare) {
	m.bytes.Release(share.bytes)
	if share.isOverdrawn {
		<-m.overdraft
	}
	*share = memoryShare{}
}
