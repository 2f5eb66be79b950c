package kafkacompat_test

import (
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
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Version, sync.Group, sync.MemberID, sync.Generation = 3, group, joined.MemberID, joined.Generation
	requireCode(t, "sync", ask[*kmsg.SyncGroupResponse](c, sync).ErrorCode, nil)
	return joined.MemberID, joined.Generation
}

// A member's commit was allowed and is on its way into the log when another member takes over, and asks where to go on.
func TestOffsetFetchWaitsForCommitsThatWereAllowed(t *testing.T) {
	for _, isTransactional := range []bool{false, true} {
		s, store := startServerOnStore(t)
		s.createTopic("orders", 1)
		tx := s.txnConn("tx")
		before, after, admin := s.dial(), s.dial(), s.dial()
		member, generation := joinAlone(t, before, "g")
		isHeld, isReleased := make(chan struct{}), make(chan struct{})
		hold := func() {
			close(isHeld)
			<-isReleased
		}
		commit := offsetCommitOf("g")
		commit.MemberID, commit.Generation = member, generation
		commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "orders", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: 5}}}}
		var request kmsg.Request = commit
		if isTransactional {
			ofTransaction := tx.commitRequest(5, "g", 5)
			ofTransaction.MemberID, ofTransaction.Generation = member, generation
			request = ofTransaction
		}
		store.beforePropose.Store(&hold)
		before.send(frame(7, request))
		<-isHeld

		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Version, leave.Group, leave.MemberID = 1, "g", member
		requireCode(t, "leave", ask[*kmsg.LeaveGroupResponse](admin, leave).ErrorCode, nil)
		joinAlone(t, after, "g")
		time.AfterFunc(100*time.Millisecond, func() { close(isReleased) })
		got := fetchOffset(after, 9, "g", true)
		switch {
		case isTransactional && got.ErrorCode != kerr.UnstableOffsetCommit.Code:
			t.Errorf("in a transaction: %+v", got)
		case !isTransactional && (got.ErrorCode != 0 || got.Offset != 5):
			t.Errorf("%+v", got)
		}
	}
}
