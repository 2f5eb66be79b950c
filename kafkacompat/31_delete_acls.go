package kafkacompat

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/acl"
	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DeleteAcls deletes the ACLs that filters mean, and tells which these were. An ACL
// that another deletes at the same time is told as deleted.
//
// Versions: 1 brought prefixed names (KIP-290), 2 flexible encoding, 3 users as
// resources.
//
// Left out: version 0, as in DescribeAcls.
func init() {
	register(api{
		key: 31, versionMin: 1, versionMax: 3,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ i8 ns i8@1+ ns ns i8 i8 ]"),
	}, deleteACLs)
}

func deleteACLs(c *call, request *kmsg.DeleteACLsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DeleteACLsResponse](request)
	proposed := command.DeleteACLs{}
	seen := make(map[command.ACL]bool)
	list := c.log().ACLs().List
	for _, asked := range request.Filters {
		filter := acl.Filter{ResourceType: asked.ResourceType, Pattern: asked.ResourcePatternType, Name: asked.ResourceName,
			Principal: asked.Principal, Host: asked.Host, Operation: asked.Operation, Permission: asked.PermissionType}
		answer := kmsg.NewDeleteACLsResponseResult()
		err := filter.Check()
		switch {
		case c.server.authorizer == nil:
			err = errSecurityDisabled
		case !c.isLeader():
			err = c.notController()
		case err != nil:
			err = fmt.Errorf("%w: %w", err, kerr.InvalidRequest)
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		for _, found := range list {
			if err != nil || !filter.Matches(found) {
				continue
			}
			if !seen[found] {
				seen[found] = true
				proposed.ACLs = append(proposed.ACLs, found)
			}
			match := kmsg.NewDeleteACLsResponseResultMatchingACL()
			match.ResourceType, match.ResourceName = kmsg.ACLResourceType(found.ResourceType), found.Name
			match.ResourcePatternType = kmsg.ACLResourcePatternType(found.Pattern)
			match.Principal, match.Host = found.Principal, found.Host
			match.Operation, match.PermissionType = kmsg.ACLOperation(found.Operation), kmsg.ACLPermissionType(found.Permission)
			answer.MatchingACLs = append(answer.MatchingACLs, match)
		}
		response.Results = append(response.Results, answer)
	}
	if len(proposed.ACLs) == 0 {
		return response, nil
	}
	for _, err := range c.proposeAdmin(0, len(proposed.ACLs), proposed) {
		if err == nil || errors.Is(err, command.ErrUnknownACL) {
			continue
		}
		// A proposal fails as a whole.
		for i := range response.Results {
			answer := &response.Results[i]
			if answer.ErrorCode == 0 && len(answer.MatchingACLs) > 0 {
				answer.ErrorCode, answer.ErrorMessage, answer.MatchingACLs = errorCode(err), errorMessage(err), nil
			}
		}
	}
	return response, nil
}
