package kafkacompat

import (
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// An access says how requests of one API are authorised.
//
// It stands around the handler, which so knows nothing of it: what the client may not
// do is taken out of the request before the handler sees it, and put into the answer
// afterwards, with Kafka's error for it. What the answer tells beyond what was asked
// for, such as all topics, is taken out there.
//
// Each API has a row in accesses, or it is closed to all as soon as anything is
// authorised; a test looks for rows that are missing.
type access struct {
	// needs is what is asked, for people; docs/security.md has it too.
	needs string
	// filter is nil for what anybody may ask, and for what the handler filters.
	filter func(*call, kmsg.Request) filtered
	// isInHandler says that the handler asks itself: what goes over partitions again
	// and again, where taking requests apart would cost.
	isInHandler bool
}

// filtered is what a filter leaves of a request.
type filtered struct {
	// refusal, if there is one, is the answer; the handler is not called.
	refusal kmsg.Response
	// amend, if there is one, completes the handler's answer.
	amend func(kmsg.Response)
}

// accessTo makes the access of requests of type Q and answers of type R. The filter
// returns what is to be done with the answer, and true if it is made with no help of
// the handler, from an empty one.
func accessTo[Q kmsg.Request, R kmsg.Response](needs string, filter func(*call, Q) (amend func(R), isRefused bool)) access {
	return access{needs: needs, filter: func(c *call, request kmsg.Request) filtered {
		amend, isRefused := filter(c, request.(Q))
		switch {
		case isRefused:
			response := responseTo[R](request)
			amend(response)
			return filtered{refusal: response}
		case amend == nil:
			return filtered{}
		default:
			return filtered{amend: func(response kmsg.Response) { amend(response.(R)) }}
		}
	}}
}

// refuseUnless is the access of requests that are allowed or not as a whole, and whose
// answer has one error code at its top.
func refuseUnless(needs string, may func(*call, kmsg.Request) *kerr.Error) access {
	return access{needs: needs, filter: func(c *call, request kmsg.Request) filtered {
		if refusal := may(c, request); refusal != nil {
			return filtered{refusal: refused(request, refusal)}
		}
		return filtered{}
	}}
}

// refused is an answer with an error at its top, where answers have one.
func refused(request kmsg.Request, err *kerr.Error) kmsg.Response {
	response := request.ResponseKind()
	if defaulter, ok := response.(interface{ Default() }); ok {
		defaulter.Default()
	}
	response.SetVersion(request.GetVersion())
	v := reflect.ValueOf(response).Elem()
	if code := v.FieldByName("ErrorCode"); code.IsValid() {
		code.SetInt(int64(err.Code))
	}
	if message := v.FieldByName("ErrorMessage"); message.IsValid() {
		message.Set(reflect.ValueOf(errorMessage(err)))
	}
	return response
}

// onCluster is refuseUnless the client may do something with the cluster.
func onCluster(operation kmsg.ACLOperation) access {
	return refuseUnless(operation.String()+" on the cluster", func(c *call, _ kmsg.Request) *kerr.Error {
		if c.mayCluster(operation) {
			return nil
		}
		return kerr.ClusterAuthorizationFailed
	})
}

// serveAuthorized has a request answered as far as the client may ask it.
func (c *conn) serveAuthorized(call *call, r *request) (kmsg.Response, error) {
	access, isThere := accesses[r.api.key]
	if !isThere {
		if c.server.authorizer != nil {
			return nil, fmt.Errorf("nothing says who may send %s requests", r.api.name)
		}
		return call.serveOrForward(r)
	}
	if access.filter == nil {
		return call.serveOrForward(r)
	}
	left := access.filter(call, r.body)
	if left.refusal != nil {
		return left.refusal, nil
	}
	response, err := call.serveOrForward(r)
	if err == nil && left.amend != nil {
		left.amend(response)
	}
	return response, err
}

// split keeps, in place and in order, what is to be kept, and returns the rest. What
// is kept is never nil: null often stands for everything.
func split[E any](all []E, keep func(*E) bool) (kept, rest []E) {
	kept = make([]E, 0, len(all))
	for i := range all {
		if keep(&all[i]) {
			kept = append(kept, all[i])
		} else {
			rest = append(rest, all[i])
		}
	}
	return kept, rest
}

// splitBy is split by why something is not kept, which is the same for good: ACLs may
// change meanwhile.
func splitBy[E any](all []E, refusal func(*E) *kerr.Error) (kept, rest []E, errs []*kerr.Error) {
	kept, rest = split(all, func(one *E) bool {
		err := refusal(one)
		if err != nil {
			errs = append(errs, err)
		}
		return err == nil
	})
	return kept, rest, errs
}

// nameOf is the name of a topic that a client named by id in versions that do; what is
// unknown has none, and is for the handler to say.
func (c *call) nameOf(id [16]byte) (name string, isKnown bool) {
	topic, isKnown := c.log().TopicByID(id)
	return topic.Name, isKnown
}

// mayNamed is mayTopic for a topic by name or, where it has none, by id.
func (c *call) mayNamed(operation kmsg.ACLOperation, name string, id [16]byte) bool {
	if id != [16]byte{} && name == "" {
		known, isKnown := c.nameOf(id)
		return !isKnown || c.mayTopic(operation, known)
	}
	return c.mayTopic(operation, name)
}

// accesses are the rows, by API key.
var accesses = map[int16]access{
	0:  {needs: "WRITE on each topic; WRITE on the transactional id, if there is one", isInHandler: true},
	1:  {needs: "READ on each topic", isInHandler: true},
	2:  accessTo("DESCRIBE on each topic", filterListOffsets),
	3:  accessTo("DESCRIBE on each topic; CREATE on the cluster or the topic to make one", filterMetadata),
	8:  accessTo("READ on the group and on each topic", filterOffsetCommit),
	9:  accessTo("DESCRIBE on each group and topic", filterOffsetFetch),
	10: accessTo("DESCRIBE on each group or transactional id", filterFindCoordinator),
	11: onGroup(kmsg.ACLOperationRead, func(r *kmsg.JoinGroupRequest) string { return r.Group }),
	12: onGroup(kmsg.ACLOperationRead, func(r *kmsg.HeartbeatRequest) string { return r.Group }),
	13: onGroup(kmsg.ACLOperationRead, func(r *kmsg.LeaveGroupRequest) string { return r.Group }),
	14: onGroup(kmsg.ACLOperationRead, func(r *kmsg.SyncGroupRequest) string { return r.Group }),
	15: accessTo("DESCRIBE on each group", filterDescribeGroups),
	16: accessTo("DESCRIBE on the cluster, or on each group that is listed", filterListGroups),
	17: {needs: "nothing"},
	18: {needs: "nothing"},
	19: accessTo("CREATE on the cluster or on each topic; DESCRIBE_CONFIGS on the topic to see its configuration", filterCreateTopics),
	20: accessTo("DELETE on each topic; DESCRIBE to learn the name behind an id", filterDeleteTopics),
	21: accessTo("DELETE on each topic", filterDeleteRecords),
	22: refuseUnless("WRITE on the transactional id; without one IDEMPOTENT_WRITE on the cluster or WRITE on any topic", mayInitProducerID),
	23: accessTo("DESCRIBE on each topic", filterOffsetForLeaderEpoch),
	24: accessTo("WRITE on the transactional id and on each topic", filterAddPartitionsToTxn),
	25: refuseUnless("WRITE on the transactional id and READ on the group", mayAddOffsetsToTxn),
	26: refuseUnless("WRITE on the transactional id", mayEndTxn),
	28: accessTo("WRITE on the transactional id, READ on the group and on each topic", filterTxnOffsetCommit),
	29: onCluster(kmsg.ACLOperationDescribe),
	30: accessTo("ALTER on the cluster", filterCreateACLs),
	31: accessTo("ALTER on the cluster", filterDeleteACLs),
	32: accessTo("DESCRIBE_CONFIGS on each topic or group, on the cluster for all else", filterDescribeConfigs),
	33: accessTo("ALTER_CONFIGS on each topic or group, on the cluster for all else", filterAlterConfigs),
	34: accessTo("ALTER on the cluster", filterAlterReplicaLogDirs),
	35: onCluster(kmsg.ACLOperationDescribe),
	36: {needs: "nothing"},
	37: accessTo("ALTER on each topic", filterCreatePartitions),
	42: accessTo("DELETE on each group", filterDeleteGroups),
	43: accessTo("ALTER on the cluster", filterElectLeaders),
	44: accessTo("ALTER_CONFIGS on each topic or group, on the cluster for all else", filterIncrementalAlterConfigs),
	45: onCluster(kmsg.ACLOperationAlter),
	46: onCluster(kmsg.ACLOperationDescribe),
	47: accessTo("DELETE on the group and READ on each topic", filterOffsetDelete),
	48: onCluster(kmsg.ACLOperationDescribeConfigs),
	49: accessTo("ALTER_CONFIGS on the cluster", filterAlterClientQuotas),
	50: onCluster(kmsg.ACLOperationDescribe),
	51: accessTo("ALTER on the cluster", filterAlterUserSCRAMCredentials),
	55: onCluster(kmsg.ACLOperationDescribe),
	57: onCluster(kmsg.ACLOperationAlter),
	60: accessTo("nothing", filterDescribeCluster),
	61: accessTo("READ on each topic", filterDescribeProducers),
	65: accessTo("DESCRIBE on each transactional id, and on each topic that is told", filterDescribeTransactions),
	66: accessTo("DESCRIBE on each transactional id that is listed", filterListTransactions),
	68: refuseUnless("READ on the group and DESCRIBE on each topic", mayConsumerGroupHeartbeat),
	69: accessTo("DESCRIBE on each group, and on each topic that is told", filterConsumerGroupDescribe),
	71: {needs: "nothing"},
	72: {needs: "nothing"},
	74: onCluster(kmsg.ACLOperationDescribeConfigs),
	75: accessTo("DESCRIBE on each topic", filterDescribeTopicPartitions),
}
