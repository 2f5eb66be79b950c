package server

import (
	"context"
	"sync"
	"time"

	"kont/server/peers"
)

const (
	// replicasEvery is how often the leader asks the others how far they are, and replicaTimeout how long an answer may take.
	replicasEvery  = 500 * time.Millisecond
	replicaTimeout = 2 * time.Second
	// replicaLagMax is how long ago a node may have had everything for consumers to read from it (replica.lag.time.max.ms, which
	// is 30 s).
	replicaLagMax = 10 * time.Second
)

// replicas knows how far the other nodes are, while this one leads.
type replicas struct {
	node    *Node
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	byID map[int32]replica // guarded by mu; nil while this node doesn't lead
}

// replica is what a node said last. One that doesn't answer has none.
type replica struct {
	appliedIndex uint64
	heard        time.Time
	// caughtUp is when it had all that the leader had at that time.
	caughtUp time.Time
	// wanted is what the leader had when it asked last.
	wanted uint64
}

// Start begins to ask.
func (r *replicas) Start() {
	if r.node.port == nil {
		return
	}
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.mu.Lock()
	r.byID = map[int32]replica{}
	r.mu.Unlock()
	r.running.Go(func() {
		for {
			r.ask(ctx)
			select {
			case <-ctx.Done():
				return
			case <-time.After(replicasEvery):
			}
		}
	})
}

// Stop returns when nothing is asked any more; what is known is forgotten.
func (r *replicas) Stop() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.running.Wait()
	r.cancel = nil
	r.mu.Lock()
	r.byID = nil
	r.mu.Unlock()
}

// ask asks all others at the same time.
func (r *replicas) ask(ctx context.Context) {
	members, err := r.node.raft.Members()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, replicaTimeout)
	defer cancel()
	var asking sync.WaitGroup
	for _, member := range members {
		if id := peers.NodeIDOf(member.ID); id != r.node.identity.NodeID {
			asking.Go(func() { r.askOne(ctx, id, member.Address) })
		}
	}
	asking.Wait()
}

func (r *replicas) askOne(ctx context.Context, id int32, address string) {
	wanted, asked := r.node.store.AppliedIndex(), time.Now()
	status, err := r.node.calls.Status(ctx, address)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || status.NodeID != id {
		delete(r.byID, id)
		return
	}
	before := r.byID[id]
	now := replica{appliedIndex: status.AppliedIndex, heard: asked, caughtUp: before.caughtUp, wanted: wanted}
	if status.AppliedIndex >= wanted || before.wanted > 0 && status.AppliedIndex >= before.wanted {
		now.caughtUp = asked
	}
	r.byID[id] = now
}

// of is what is known of a node; isInSync says whether consumers may read from it.
func (r *replicas) of(id int32, now time.Time) (known replica, isInSync bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, exists := r.byID[id]
	return known, exists && now.Sub(known.heard) < replicasEvery+replicaTimeout && now.Sub(known.caughtUp) < replicaLagMax
}

// ReadReplicas are nodes of a rack that answer, and had everything not long ago.
func (c *cluster) ReadReplicas(rack string) (ids []int32) {
	now := time.Now()
	for _, node := range c.node.store.Nodes().ByID {
		if node.Rack != rack || node.ID == c.NodeID() {
			continue
		}
		if _, isInSync := c.node.replicas.of(node.ID, now); isInSync {
			ids = append(ids, node.ID)
		}
	}
	return ids
}
