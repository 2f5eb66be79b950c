package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
)

// A commitIdentity is in whose name offsets are committed or asked for: what
// OffsetCommit, TxnOffsetCommit and OffsetFetch say about that.
type commitIdentity struct {
	group      string
	memberID   string
	instanceID *string
	// generation is a generation of the classic protocol or a member epoch of the
	// new one. A negative one is a client that uses the group for its offsets only.
	generation int32
	// partitions are those whose offsets are committed. Nil stands for any.
	partitions assignment
	// isTransactional: the offsets come with a transaction (TxnOffsetCommit), and
	// the member may be unknown to the producer.
	isTransactional bool
	// knowsMemberEpochs: the version of the request has the errors of the new
	// protocol (OffsetCommit from 9 on).
	knowsMemberEpochs bool
}

func (i *commitIdentity) isNobody() bool {
	return i.generation < 0 && i.memberID == "" && i.instanceID == nil
}

// checkCommit says whether offsets may be committed in a member's name, and keeps its
// session. It is the one place where that is decided: for OffsetCommit, and for
// TxnOffsetCommit (KIP-447), whose handler calls it before it proposes anything.
func (c *coordinator) checkCommit(who commitIdentity) error {
	if err := c.checkLeader(); err != nil {
		return err
	}
	if g := c.find(who.group); g != nil {
		defer g.Unlock()
		return g.checkCommit(who)
	}
	if who.generation < 0 {
		return nil // a group that is there for its offsets only begins like this
	}
	offsets, err := c.log.CommittedOffsets(who.group)
	switch {
	case err != nil:
		return err
	case len(offsets) > 0: // it is there, and has no members
		return kerr.UnknownMemberID
	case who.knowsMemberEpochs:
		return kerr.GroupIDNotFound
	}
	return kerr.IllegalGeneration
}

// checkCommit is the classic protocol's. Who has no generation may have a name
// nevertheless, as librdkafka's static members have.
func (g *group) checkCommit(who commitIdentity) error {
	switch {
	case g.state == groupDead:
		return kerr.CoordinatorNotAvailable
	case who.generation < 0 && g.state == groupEmpty:
		return nil
	case who.isNobody() && who.isTransactional:
		return nil // a producer from before KIP-447
	}
	m, err := g.checkMember(who.memberID, who.instanceID, who.generation)
	if err != nil {
		return err
	}
	if g.state == groupCompleting && !who.isTransactional {
		// The partitions may be another's by the assignment that is on its way.
		return kerr.RebalanceInProgress
	}
	g.keepAlive(m)
	return nil
}

// checkFetch says whether who names itself as a member may ask for a group's offsets,
// which OffsetFetch does from version 9 on.
func (c *coordinator) checkFetch(group string, memberID *string, epoch int32) error {
	g := c.find(group)
	if g == nil {
		return nil
	}
	defer g.Unlock()
	return g.checkFetch(memberID, epoch)
}
