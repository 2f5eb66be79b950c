package server

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"kont/server/api"
	"kont/server/peers"
)

const (
	// replicasEvery is how often the leader asks the others how far they are, and replicaTimeout how long an answer may take.
	replicasEvery  = 500 * time.Millisecond
	replicaTimeout = 2 * time.Second
	// replicaLagMax is how long ago a node may have had everything for consumers to read from it (replica.lag.time.max.ms, which
	// is 30 s).
	replicaLagMax = 10 * time.Second
	// brokerSessionTimeout is what Config.BrokerSessionTimeout is without a value, as Kafka's is (broker.session.timeout.ms).
	brokerSessionTimeout = 9 * time.Second
)

// replicas knows how far the other nodes are, while this one leads.
type replicas struct {
	node    *Node
	cancel  context.CancelFunc
	running sync.WaitGroup
	// hasTold: others believe that there are fenced nodes. What asks has it for itself.
	hasTold bool

	mu   sync.Mutex
	byID map[int32]replica // guarded by mu; nil while this node doesn't lead
	// heard is when each node has answered last, or was asked first; guarded by mu.
	heard map[int32]time.Time
	// told are the nodes that the leader has not heard of, and until when this node believes it; guarded by mu.
	told      []int32
	toldUntil time.Time
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
	r.byID, r.heard = map[int32]replica{}, map[int32]time.Time{}
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
	r.byID, r.heard = nil, nil
	r.mu.Unlock()
}

// ask asks all others at the same time.
func (r *replicas) ask(ctx context.Context) {
	members, err := r.node.raft.Members()
	if err != nil {
		return
	}
	others := map[int32]string{}
	for _, member := range members {
		if id := peers.NodeIDOf(member.ID); id != r.node.identity.NodeID {
			others[id] = member.Address
		}
	}
	asked, cancel := context.WithTimeout(ctx, replicaTimeout)
	defer cancel()
	var asking sync.WaitGroup
	for id, address := range others {
		asking.Go(func() { r.askOne(asked, id, address) })
	}
	asking.Wait()
	r.forgetBut(others)
	r.tellFenced(ctx, others)
}

// forgetBut forgets who is no member any more.
func (r *replicas) forgetBut(others map[int32]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.heard, func(id int32, _ time.Time) bool { return others[id] == "" })
}

// tellFenced tells those that answer of those that don't, and once when all do again.
func (r *replicas) tellFenced(ctx context.Context, others map[int32]string) {
	fenced := r.fenced(time.Now())
	if len(fenced) == 0 && !r.hasTold {
		return
	}
	r.hasTold = len(fenced) > 0
	ctx, cancel := context.WithTimeout(ctx, replicaTimeout)
	defer cancel()
	var telling sync.WaitGroup
	for id, address := range others {
		if !slices.Contains(fenced, id) {
			telling.Go(func() { r.node.calls.Fenced(ctx, address, fenced) }) //nolint:errcheck // it is told again
		}
	}
	telling.Wait()
}

// tell is what the leader says.
func (r *replicas) tell(fenced []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told, r.toldUntil = fenced, time.Now().Add(replicasEvery+2*replicaTimeout)
}

// fenced are the nodes that the leader has not heard of for so long that clients are not sent to them (KIP-631).
func (r *replicas) fenced(now time.Time) (nodeIDs []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil {
		if now.Before(r.toldUntil) {
			return r.told
		}
		return nil
	}
	for id, heard := range r.heard {
		if now.Sub(heard) > r.node.config.BrokerSessionTimeout {
			nodeIDs = append(nodeIDs, id)
		}
	}
	return nodeIDs
}

func (r *replicas) askOne(ctx context.Context, id int32, address string) {
	wanted, asked := r.node.store.AppliedIndex(), time.Now()
	status, err := r.node.calls.Status(ctx, address)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || status.NodeID != id {
		delete(r.byID, id)
		if _, exists := r.heard[id]; !exists {
			r.heard[id] = asked
		}
		return
	}
	r.heard[id] = asked
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

// Followers are the other nodes while this one leads.
func (n *Node) Followers() (followers []api.Follower) {
	n.replicas.mu.Lock()
	leads := n.replicas.byID != nil
	n.replicas.mu.Unlock()
	if !leads {
		return nil
	}
	members, err := n.raft.Members()
	if err != nil {
		return nil // it stops
	}
	for _, member := range members {
		id := peers.NodeIDOf(member.ID)
		if id == n.identity.NodeID {
			continue
		}
		known, _ := n.replicas.of(id, time.Now())
		follower := api.Follower{ID: id, IsThere: !known.heard.IsZero()}
		if follower.IsThere {
			follower.BehindEntries = known.wanted - min(known.wanted, known.appliedIndex)
		}
		followers = append(followers, follower)
	}
	return followers
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
