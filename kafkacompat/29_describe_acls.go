package kafkacompat

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/acl"
	"kont/kafkacompat/wire"
)

// DescribeAcls lists the ACLs that a filter means, by resource. Where nobody asks ACLs,
// it is refused, so that nobody takes them for effective.
//
// Versions: 1 brought prefixed names (KIP-290), 2 flexible encoding, 3 users as
// resources.
//
// Left out: version 0, which can't tell a prefixed ACL from a literal one.
func init() {
	register(api{
		key: 29, versionMin: 1, versionMax: 3,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("i8 ns i8@1+ ns ns i8 i8"),
	}, describeACLs)
}

// errSecurityDisabled is what Kafka says to requests for ACLs without an authorizer.
var errSecurityDisabled = fmt.Errorf("no authorizer is configured on the broker: %w", kerr.SecurityDisabled)

func describeACLs(c *call, request *kmsg.DescribeACLsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeACLsResponse](request)
	filter := acl.Filter{ResourceType: request.ResourceType, Pattern: request.ResourcePatternType, Name: request.ResourceName,
		Principal: request.Principal, Host: request.Host, Operation: request.Operation, Permission: request.PermissionType}
	err := filter.Check()
	switch {
	case c.server.authorizer == nil:
		err = errSecurityDisabled
	case err != nil:
		err = fmt.Errorf("%w: %w", err, kerr.InvalidRequest)
	}
	if response.ErrorCode, response.ErrorMessage = errorCode(err), errorMessage(err); err != nil {
		return response, nil
	}
	type resource struct {
		kind, pattern int8
		name          string
	}
	places := make(map[resource]int)
	for _, found := range c.log().ACLs().List {
		if !filter.Matches(found) {
			continue
		}
		key := resource{found.ResourceType, found.Pattern, found.Name}
		place, isKnown := places[key]
		if !isKnown {
			place = len(response.Resources)
			places[key] = place
			answer := kmsg.NewDescribeACLsResponseResource()
			answer.ResourceType, answer.ResourceName = kmsg.ACLResourceType(found.ResourceType), found.Name
			answer.ResourcePatternType = kmsg.ACLResourcePatternType(found.Pattern)
			response.Resources = append(response.Resources, answer)
		}
		one := kmsg.NewDescribeACLsResponseResourceACL()
		one.Principal, one.Host = found.Principal, found.Host
		one.Operation, one.PermissionType = kmsg.ACLOperation(found.Operation), kmsg.ACLPermissionType(found.Permission)
		response.Resources[place].ACLs = append(response.Resources[place].ACLs, one)
	}
	return response, nil
}
