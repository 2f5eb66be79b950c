package kafkacompat

import (
	"context"
	"sync"

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
//
// That holds only as long as no request has memory while it waits for what others do. So
// a request has none any more once it is answered, whether its client takes the answer or
// not, nor while it waits for other members of its group; a long poll that has more than
// a little is over when somebody waits for memory; and requests that stand behind another
// of their connection, which may wait for long, have memory of their own.
type requestMemory struct {
	bytes *semaphore.Weighted
	// overdraft has room for one, the request that overdraws.
	overdraft chan struct{}
	// ahead is for requests that are read while one before them is not answered. Where there is none,
	// they wait for their turn, and nobody waits for them.
	ahead *semaphore.Weighted

	// mu guards waiting, how many wait for memory, and scarce, which is closed while anybody does.
	mu      sync.Mutex
	waiting int
	scarce  chan struct{}
}

// pollBytesMax is how much a request may have and wait nevertheless while memory is scarce. Ten thousand connections
// with as much leave most of it to others.
const pollBytesMax = 4 << 10

// A memoryShare is what one request has of the memory.
type memoryShare struct {
	bytes       int64
	aheadBytes  int64
	isOverdrawn bool
}

func newRequestMemory(bytesMax int) *requestMemory {
	ahead := int64(bytesMax / 2)
	return &requestMemory{
		bytes:     semaphore.NewWeighted(int64(bytesMax) - ahead),
		overdraft: make(chan struct{}, 1),
		ahead:     semaphore.NewWeighted(ahead),
		scarce:    make(chan struct{}),
	}
}

// readAhead takes all that a request needs which stands behind another one, or returns false.
func (m *requestMemory) readAhead(share *memoryShare, bytes int) bool {
	if !m.ahead.TryAcquire(int64(bytes)) {
		return false
	}
	share.aheadBytes = int64(bytes)
	return true
}

// isScarce is closed when others wait for memory of which the share has more than it may keep for long; nil if it has not.
func (m *requestMemory) isScarce(share *memoryShare) <-chan struct{} {
	if share.bytes <= pollBytesMax && !share.isOverdrawn {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.scarce
}

// wait counts who waits for memory until stop is called.
func (m *requestMemory) wait() (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting++; m.waiting == 1 {
		close(m.scarce)
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.waiting--; m.waiting == 0 {
			m.scarce = make(chan struct{})
		}
	}
}

// grow adds bytes to a share and waits until it may. The error is that of ctx.
func (m *requestMemory) grow(ctx context.Context, share *memoryShare, bytes int) error {
	if share.isOverdrawn || share.aheadBytes > 0 {
		return nil
	}
	if m.bytes.TryAcquire(int64(bytes)) {
		share.bytes += int64(bytes)
		return nil
	}
	defer m.wait()()
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
	m.ahead.Release(share.aheadBytes)
	if share.isOverdrawn {
		<-m.overdraft
	}
	*share = memoryShare{}
}
