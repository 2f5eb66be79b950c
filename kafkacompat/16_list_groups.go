package kafkacompat

import (
	"errors"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// ListGroups lists the groups that have members or offsets.
//
// Versions: 3 brought flexible encoding, 4 states and a filter by them, 5 types
// and a filter by them.
func init() {
	register(api{
		key: 16, versionMin: 0, versionMax: 5,
		requestBytesMax: requestBytesSmall,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[]s@4+ []s@5+"),
	}, listGroups)
}

func listGroups(c *call, request *kmsg.ListGroupsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ListGroupsResponse](request)
	var groups []groupSummary
	err := c.checkConfirmedLeader()
	leader, _ := c.cluster().Leader()
	switch {
	case err == nil:
		groups, err = c.server.coordinator.list()
	case errors.Is(err, kerr.NotCoordinator) && leader >= 0 && leader != c.cluster().NodeID():
		// Every node is asked, and one that coordinates nothing has nothing; an error of one would be that of all to the client.
		err = nil
	case errors.Is(err, kerr.NotCoordinator):
		err = kerr.CoordinatorNotAvailable
	}
	if response.ErrorCode = errorCode(err); err != nil {
		return response, nil
	}
	matches := func(filter []string, value string) bool {
		return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, value) })
	}
	for _, g := range groups {
		if !matches(request.StatesFilter, string(g.state)) || !matches(request.TypesFilter, string(g.kind)) {
			continue
		}
		answer := kmsg.NewListGroupsResponseGroup()
		answer.Group, answer.ProtocolType = g.id, g.protocolType
		answer.GroupState, answer.GroupType = string(g.state), string(g.kind)
		response.Groups = append(response.Groups, answer)
	}
	return response, nil
}
