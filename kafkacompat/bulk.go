package kafkacompat

import (
	"context"
	"fmt"
	"runtime"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/semaphore"
)

// bulkTopicsMin is how many topics make an answer large.
const bulkTopicsMin = 100

// bulk holds back requests whose answers are large and that anybody may send at any rate, as for the metadata of all topics, so that they
// take neither all cores from those who produce, nor all memory.
//
// An answer is made while its request has one of a few places, half as many as there are cores, and it keeps the place until there is memory for it to wait in
// for its client to take it. Clients that don't take theirs thus make others wait that ask for much, and nobody else.
type bulk struct {
	places chan struct{}
	memory *semaphore.Weighted
	max    int64
}

func newBulk(bytesMax int) bulk {
	return bulk{
		places: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		memory: semaphore.NewWeighted(int64(bytesMax)), max: int64(bytesMax),
	}
}

// errMemoryScarce: a request waits for others while others wait for its memory. Its client may connect again.
var errMemoryScarce = fmt.Errorf("request waits in memory that others need: %w", errCloseConn)

// enter waits for a place, until memory that the request has is scarce. The error is that, or the one of ctx.
func (b *bulk) enter(ctx context.Context, isScarce <-chan struct{}) error {
	select {
	case b.places <- struct{}{}:
		return nil
	default:
	}
	select {
	case b.places <- struct{}{}:
		return nil
	case <-isScarce:
		return errMemoryScarce
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *bulk) leave() { <-b.places }

// hold waits for memory, all of it at most; free gives it back. The error is that of ctx.
func (b *bulk) hold(ctx context.Context, bytes int) (free func(), err error) {
	held := min(int64(bytes), b.max)
	if err := b.memory.Acquire(ctx, held); err != nil {
		return nil, err
	}
	return func() { b.memory.Release(held) }, nil
}

// isBulkMetadata says whether a request asks about many topics.
func isBulkMetadata(request kmsg.Request) bool {
	metadata, ok := request.(*kmsg.MetadataRequest)
	return ok && (len(metadata.Topics) == 0 || len(metadata.Topics) >= bulkTopicsMin)
}
