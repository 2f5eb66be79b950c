package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// DescribeGroups tells the state and the members of groups. A group that doesn't
// exist is dead.
//
// Versions: 4 brought static members, 5 flexible encoding, 6 an error for groups
// that don't exist.
//
// A group of the new protocol is none to this request, see ConsumerGroupDescribe.
func init() {
	register(api{
		key: 15, versionMin: 0, versionMax: 6,
		requestBytesMax: requestBytesLarge,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[]s bool@3+"),
	}, describeGroups)
}

func describeGroups(c *call, request *kmsg.DescribeGroupsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeGroupsResponse](request)
	notLeader := c.checkConfirmedLeader()
	once, _ := countNames(request.Groups, func(id string) string { return id }) // an answer may have megabytes for each
	for _, id := range once {
		answer := kmsg.NewDescribeGroupsResponseGroup()
		answer.Group = id
		summary, err := groupSummary{}, notLeader
		if err == nil {
			summary, err = c.describeGroup(id)
		}
		if err == nil && summary.state == groupDead && request.Version >= 6 {
			err = errGroupNotFound(id)
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		answer.State = string(summary.state)
		answer.ProtocolType, answer.Protocol = summary.protocolType, summary.protocol
		for _, m := range summary.members {
			member := kmsg.NewDescribeGroupsResponseGroupMember()
			member.MemberID, member.InstanceID = m.id, m.instanceID
			member.ClientID, member.ClientHost = m.clientID, m.clientHost
			member.ProtocolMetadata, member.MemberAssignment = m.metadata, m.assignment
			answer.Members = append(answer.Members, member)
		}
		response.Groups = append(response.Groups, answer)
	}
	return response, nil
}

func (c *call) describeGroup(id string) (groupSummary, error) {
	summary, err := c.server.coordinator.describe(id)
	if err == nil && summary.kind != groupTypeClassic {
		summary = groupSummary{id: id, state: groupDead}
	}
	return summary, err
}
