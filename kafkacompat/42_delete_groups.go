package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DeleteGroups forgets groups without members, and their offsets; also the group with the empty name, which
// nobody can join but for which offsets may be committed.
//
// Versions: 2 brought flexible encoding, 3 an error message.
func init() {
	register(api{
		key: 42, versionMin: 0, versionMax: 3,
		requestBytesMax: requestBytesLarge,
		shape:           wire.MustShape("[]s"),
	}, deleteGroups)
}

func deleteGroups(c *call, request *kmsg.DeleteGroupsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DeleteGroupsResponse](request)
	notLeader := c.server.coordinator.checkLeader()
	once, _ := countNames(request.Groups, func(id string) string { return id })
	for _, id := range once {
		answer := kmsg.NewDeleteGroupsResponseGroup()
		answer.Group = id
		err := notLeader
		if err == nil {
			err = c.deleteGroup(id)
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Groups = append(response.Groups, answer)
	}
	return response, nil
}

func (c *call) deleteGroup(id string) error {
	return groupError(c.server.coordinator.delete(id, func() error {
		return c.proposeEach(0, 1, command.DeleteGroups{Groups: []string{id}})[0]
	}))
}
