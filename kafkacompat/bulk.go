package kafkacompat

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

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
//
// What waits for the leader, or for the log, has places of its own, as many. They are all taken when those hang, and metadata, by which clients
// find the next leader, must not wait for that. They are few nevertheless: an answer of the leader takes memory as soon as it comes.
type bulk struct {
	places, waitingPlaces chan struct{}

	memory *semaphore.Weighted
	max    int64
}

func newBulk(bytesMax int) bulk {
	places := max(1, runtime.GOMAXPROCS(0)/2)
	return bulk{
		places: make(chan struct{}, places), waitingPlaces: make(chan struct{}, places),
		memory: semaphore.NewWeighted(int64(bytesMax)), max: int64(bytesMax),
	}
}

// errMemoryScarce: a request waits for others while others wait for its memory. Its client may connect again.
var errMemoryScarce = fmt.Errorf("request waits in memory that others need: %w", errCloseConn)

// enter waits for a place, until memory that the request has is scarce. The error is that, or the one of ctx. leave may be called again.
func (b *bulk) enter(ctx context.Context, waits bool, isScarce <-chan struct{}) (leave func(), err error) {
	places := b.places
	if waits {
		places = b.waitingPlaces
	}
	leave = sync.OnceFunc(func() { <-places })
	select {
	case places <- struct{}{}:
		return leave, nil
	default:
	}
	select {
	case places <- struct{}{}:
		return leave, nil
	case <-isScarce:
		return nil, errMemoryScarce
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

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

// waits says whether a request is answered with the help of the leader, or of the log.
func (c *call) waits(request kmsg.Request) bool {
	metadata, ok := request.(*kmsg.MetadataRequest)
	if !ok {
		return c.isForAnother(request)
	}
	return c.mayMakeTopics(metadata) && slices.ContainsFunc(metadata.Topics, func(t kmsg.MetadataRequestTopic) bool {
		return !isNamedByID(t) && !c.exists(*t.Topic)
	})
}
