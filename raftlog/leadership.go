package raftlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// leadership tells watchers whether this node leads.
type leadership struct {
	mu       sync.Mutex
	leads    bool        // guarded by mu
	term     uint64      // guarded by mu; of the present or the last leadership
	watchers []chan bool // guarded by mu; nil once closed
	closed   bool        // guarded by mu
	// changed is closed with the next change; guarded by mu.
	changed chan struct{}
}

func newLeadership() *leadership { return &leadership{changed: make(chan struct{})} }

// watch returns a channel that holds the present value.
func (l *leadership) watch() <-chan bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ch := make(chan bool, 1)
	ch <- l.leads
	if l.closed {
		close(ch)
	} else {
		l.watchers = append(l.watchers, ch)
	}
	return ch
}

func (l *leadership) set(leads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leads == leads {
		return
	}
	l.leads = leads
	close(l.changed)
	l.changed = make(chan struct{})
	for _, ch := range l.watchers {
		select {
		case <-ch: // not seen, and of the past now
		default:
		}
		ch <- leads // there is room: nobody else sends
	}
}

func (l *leadership) is() (term uint64, leads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term, l.leads
}

// ended returns a channel that is closed when a node that leads in a term does so no more.
func (l *leadership) ended(term uint64) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leads && l.term == term {
		return l.changed
	}
	isOver := make(chan struct{})
	close(isOver)
	return isOver
}

// gain begins a leadership.
func (l *leadership) gain(term uint64) {
	l.mu.Lock()
	l.term = term
	l.mu.Unlock()
	l.set(true)
}

func (l *leadership) close() {
	l.set(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, ch := range l.watchers {
		close(ch)
	}
	l.watchers = nil
}

// watchLeadership follows raft. To lead means here that all that was committed under
// earlier leaders is applied too, so that who acts on the state acts on all of it.
func (n *Node) watchLeadership() {
	defer n.leadership.set(false)
	elected := n.raft.LeaderCh()
	for {
		select {
		case <-n.stopping:
			return
		case leads := <-elected:
			n.leadership.set(false)
			if !leads {
				n.log.tail.wake()
				n.cfg.Logger.Info("raft leadership lost", "node", n.cfg.NodeID)
				continue
			}
			n.beginLeadership()
		case <-n.stays:
			if !n.IsLeader() && n.raft.State() == raft.Leader {
				n.beginLeadership()
			}
		}
	}
}

// beginLeadership returns when this node leads, or raft has lost leadership again, which it tells next.
func (n *Node) beginLeadership() {
	term := n.raft.CurrentTerm()
	for err := n.raft.Barrier(0).Error(); err != nil; err = n.raft.Barrier(0).Error() {
		if !errors.Is(err, raft.ErrLeadershipTransferInProgress) {
			return // lost again, or stopping
		}
		// If that fails, raft leads on without a word.
		select {
		case <-n.stopping:
			return
		case <-time.After(askAgainAfter):
		}
	}
	n.stalls.patience.Store(0)
	n.refreshAddress()
	if n.raft.CurrentTerm() != term || n.stalls.isLeaving.Load() {
		return // lost again, and the term another node's, or about to be
	}
	n.leadership.gain(term)
	n.cfg.Logger.Info("raft leadership gained", "node", n.cfg.NodeID, "log_index", n.fsm.appliedIndex())
}

// IsLeader reports whether this node leads and has applied all that was committed
// under earlier leaders. It may have been deposed without knowing yet, see ConfirmLeadership.
func (n *Node) IsLeader() bool {
	_, leads := n.leadership.is()
	return leads
}

// LeaderTerm is IsLeader, with the term in which this node leads; where it does not, in which it
// led last, 0 if it never did. No other node leads in that term.
func (n *Node) LeaderTerm() (term uint64, leads bool) { return n.leadership.is() }

// Leader is the id and address of the node that leads as far as this one knows; both
// are empty if it knows of none.
func (n *Node) Leader() (id, address string) {
	addr, serverID := n.raft.LeaderWithID()
	if serverID == raft.ServerID(n.cfg.NodeID) && n.stalls.isLeaving.Load() {
		return "", ""
	}
	return string(serverID), string(addr)
}

// Leadership returns a new channel that tells whether this node leads, as IsLeader. It
// holds one value, the latest: at first the present one, later each change, and a
// value that was not received is replaced. So a loss between two terms of leadership
// can go unseen, but true is only ever received twice in a row if leadership was lost
// in between. The channel is closed after a last false when the node stops.
func (n *Node) Leadership() <-chan bool { return n.leadership.watch() }

// AwaitLeadership returns when this node leads.
func (n *Node) AwaitLeadership(ctx context.Context) error {
	changes := n.Leadership()
	for {
		select {
		case leads, open := <-changes:
			if leads {
				return nil
			}
			if !open {
				return fmt.Errorf("await leadership: %w", n.Err())
			}
		case <-ctx.Done():
			return fmt.Errorf("await leadership: %w", context.Cause(ctx))
		}
	}
}

// refreshAddress corrects this node's own address in the membership, for a node that
// was opened with another one, or with none, before.
func (n *Node) refreshAddress() {
	configuration, err := n.configuration()
	if err != nil {
		return
	}
	address := n.transport.LocalAddr()
	for _, server := range configuration.Servers {
		if server.ID == raft.ServerID(n.cfg.NodeID) && server.Address != address {
			if err := n.raft.AddVoter(server.ID, address, 0, membershipTimeout).Error(); err != nil {
				n.cfg.Logger.Warn("correct own address in raft membership", "address", address, "error", err)
			}
		}
	}
}
