package kafkacompat

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/acl"
	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// CreateAcls makes ACLs. One that is there already is made again with success.
//
// Versions: 1 brought prefixed names (KIP-290), 2 flexible encoding, 3 users as
// resources.
//
// Left out: version 0, as in DescribeAcls.
func init() {
	register(api{
		key: 30, versionMin: 1, versionMax: 3,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ i8 s i8@1+ s s i8 i8 ]"),
	}, createACLs)
}

func createACLs(c *call, request *kmsg.CreateACLsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.CreateACLsResponse](request)
	errs := make([]error, len(request.Creations))
	proposed := command.CreateACLs{}
	var places []int
	for i, asked := range request.Creations {
		wanted := command.ACL{ResourceType: int8(asked.ResourceType), Pattern: int8(asked.ResourcePatternType), Name: asked.ResourceName,
			Principal: asked.Principal, Host: asked.Host, Operation: int8(asked.Operation), Permission: int8(asked.PermissionType)}
		err := acl.Check(wanted)
		switch {
		case c.server.authorizer == nil:
			errs[i] = errSecurityDisabled
		case !c.isLeader():
			errs[i] = c.notController()
		case err != nil:
			errs[i] = fmt.Errorf("%w: %w", err, kerr.InvalidRequest)
		default:
			proposed.ACLs, places = append(proposed.ACLs, wanted), append(places, i)
		}
	}
	if len(places) > 0 {
		for i, err := range c.proposeAdmin(0, len(places), proposed) {
			errs[places[i]] = err
		}
	}
	for _, err := range errs {
		answer := kmsg.NewCreateACLsResponseResult()
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Results = append(response.Results, answer)
	}
	return response, nil
}
