package kafkacompat_test

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// joinAlone makes a connection the only member of a group.
func joinAlone(t *testing.T, c *rawConn, group string) (memberID string, generation int32) {
	t.Helper()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version, join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 3, group, "consumer", 60_000, 60_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{}}}
	joined := ask[*kmsg.JoinGroupResponse](c, join)
	requireCode(t, "join", joined.ErrorCode, nil)
	synced := kmsg.NewPtrSyncGroupRequest()
	synced.Version, synced.Group, synced.MemberID, synced.Generation = 3, group, joined.MemberID, joined.Generation
	requireCode(t, "sync", ask[*kmsg.SyncGroupResponse](c, synced).ErrorCode, nil)
	return joined.MemberID, joined.Generation
}

// heldCommit is a commit of a member's offset that was allowed and waits for the log when another member has taken over.
type heldCommit struct {
	server  *testServer
	request kmsg.Request
	// before sent the commit; after is the connection of the member that took over.
	before, after *rawConn
	release       func()
}

func holdCommit(t *testing.T, isTransactional bool) (h heldCommit) {
	t.Helper()
	s, store := startServerOnStore(t)
	s.createTopic("orders", 1)
	tx := s.txnConn("tx")
	h = heldCommit{server: s, before: s.dial(), after: s.dial()}
	member, generation := joinAlone(t, h.before, "g")
	isHeld, isReleased := make(chan struct{}), make(chan struct{})
	hold := func() {
		close(isHeld)
		<-isReleased
	}
	h.release = sync.OnceFunc(func() { close(isReleased) })
	t.Cleanup(h.release)
	commit := offsetCommitOf("g")
	commit.MemberID, commit.Generation = member, generation
	commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 5}}}}
	h.request = commit
	if isTransactional {
		ofTransaction := tx.commitRequest(5, "g", 5)
		ofTransaction.MemberID, ofTransaction.Generation = member, generation
		h.request = ofTransaction
	}
	store.beforePropose.Store(&hold)
	h.before.send(frame(7, h.request))
	<-isHeld

	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Version, leave.Group, leave.MemberID = 1, "g", member
	requireCode(t, "leave", ask[*kmsg.LeaveGroupResponse](s.dial(), leave).ErrorCode, nil)
	joinAlone(t, h.after, "g")
	return h
}

// A member's commit was allowed and is on its way into the log when another member takes over, and asks where to go on.
func TestOffsetFetchWaitsForCommitsThatWereAllowed(t *testing.T) {
	for _, isTransactional := range []bool{false, true} {
		h := holdCommit(t, isTransactional)
		time.AfterFunc(100*time.Millisecond, h.release)
		got := fetchOffset(h.after, 9, "g", true)
		switch {
		case isTransactional && got.ErrorCode != kerr.UnstableOffsetCommit.Code:
			t.Errorf("in a transaction: %+v", got)
		case !isTransactional && (got.ErrorCode != 0 || got.Offset != 5):
			t.Errorf("%+v", got)
		}
	}
}

// The log may do what it was asked for after the client has been told that its time is over.
func TestOffsetFetchWaitsForCommitsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	h := holdCommit(t, false)
	requireCode(t, "commit", answer[*kmsg.OffsetCommitResponse](h.before, 7, h.request).Topics[0].Partitions[0].ErrorCode, kerr.RequestTimedOut)
	time.AfterFunc(100*time.Millisecond, h.release)
	if got := fetchOffset(h.after, 9, "g", true); got.ErrorCode != 0 || got.Offset != 5 {
		t.Errorf("%+v", got)
	}
}

// What became of a commit is known to the next leader, if this node is deposed while it is on its way.
func TestOffsetFetchThatWaitedIsNotAnsweredByADeposedLeader(t *testing.T) {
	t.Parallel()
	h := holdCommit(t, false)
	time.AfterFunc(100*time.Millisecond, func() {
		h.server.cluster.SetLeader(2)
		h.release()
	})
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Version = 8
	one := kmsg.NewOffsetFetchRequestGroup()
	one.Group = "g"
	request.Groups = append(request.Groups, one)
	requireCode(t, "fetch", ask[*kmsg.OffsetFetchResponse](h.after, request).Groups[0].ErrorCode, kerr.NotCoordinator)
}
