package kafkacompat

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DescribeClientQuotas lists quotas of the entities that a client asks for (KIP-546).
//
// Versions: 1 brought flexible encoding.
func init() {
	register(api{
		key: 48, versionMin: 0, versionMax: 1,
		requestBytesMax: requestBytesSmall,
		isBulk:          func(kmsg.Request) bool { return true },
		shape:           wire.MustShape("[ s i8 ns ] bool"),
	}, describeClientQuotas)
}

// The parts of an entity, by Kafka's names.
const (
	quotaUser     = "user"
	quotaClientID = "client-id"
	quotaIP       = "ip"
)

func describeClientQuotas(c *call, request *kmsg.DescribeClientQuotasRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeClientQuotasResponse](request)
	if err := checkQuotaFilter(request.Components); err != nil {
		response.ErrorCode, response.ErrorMessage = errorCode(err), errorMessage(err)
		return response, nil
	}
	// Null is for answers with an error: the Java client fails on it where there is none.
	response.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	all := c.log().ClientQuotas().ByEntity
	for entity, quotas := range all {
		if !isEntityAsked(entity, request) {
			continue
		}
		entry := kmsg.NewDescribeClientQuotasResponseEntry()
		for kind, part := range quotaParts(entity) {
			answer := kmsg.NewDescribeClientQuotasResponseEntryEntity()
			answer.Type = kind
			if part.Kind == command.QuotaNamed {
				answer.Name = &part.Name
			}
			entry.Entity = append(entry.Entity, answer)
		}
		for _, name := range slices.Sorted(maps.Keys(quotas)) {
			value := kmsg.NewDescribeClientQuotasResponseEntryValue()
			value.Key, value.Value = name, quotas[name]
			entry.Values = append(entry.Values, value)
		}
		slices.SortFunc(entry.Entity, func(a, b kmsg.DescribeClientQuotasResponseEntryEntity) int { return cmp.Compare(a.Type, b.Type) })
		response.Entries = append(response.Entries, entry)
	}
	slices.SortFunc(response.Entries, func(a, b kmsg.DescribeClientQuotasResponseEntry) int {
		return cmp.Compare(quotaEntityText(a.Entity), quotaEntityText(b.Entity))
	})
	return response, nil
}

func quotaEntityText(parts []kmsg.DescribeClientQuotasResponseEntryEntity) string {
	text := ""
	for _, part := range parts {
		name := "default"
		if part.Name != nil {
			name = fmt.Sprintf("%q", *part.Name)
		}
		text += part.Type + "=" + name + " "
	}
	return text
}

// quotaParts are the parts that an entity has.
func quotaParts(entity command.QuotaEntity) map[string]command.QuotaName {
	parts := map[string]command.QuotaName{quotaUser: entity.User, quotaClientID: entity.ClientID, quotaIP: entity.IP}
	maps.DeleteFunc(parts, func(_ string, part command.QuotaName) bool { return part.Kind == command.QuotaAbsent })
	return parts
}

func checkQuotaFilter(components []kmsg.DescribeClientQuotasRequestComponent) error {
	seen := map[string]bool{}
	for _, component := range components {
		switch {
		case component.EntityType == "":
			return fmt.Errorf("an entity without a type: %w", kerr.InvalidRequest)
		case component.EntityType != quotaUser && component.EntityType != quotaClientID && component.EntityType != quotaIP:
			return fmt.Errorf("unknown entity type %q: %w", component.EntityType, kerr.UnsupportedVersion)
		case seen[component.EntityType]:
			return fmt.Errorf("entity type %s is named twice: %w", component.EntityType, kerr.InvalidRequest)
		case component.MatchType == kmsg.QuotasMatchTypeExact && component.Match == nil, component.MatchType != kmsg.QuotasMatchTypeExact && component.Match != nil:
			return fmt.Errorf("entity type %s: a name belongs to an exact match: %w", component.EntityType, kerr.InvalidRequest)
		case component.MatchType < kmsg.QuotasMatchTypeExact || component.MatchType > kmsg.QuotasMatchTypeAny:
			return fmt.Errorf("entity type %s: unknown match type %d: %w", component.EntityType, component.MatchType, kerr.InvalidRequest)
		}
		seen[component.EntityType] = true
	}
	if seen[quotaIP] && len(seen) > 1 {
		return fmt.Errorf("an address has quotas of its own, beside no user or client id: %w", kerr.InvalidRequest)
	}
	return nil
}

// isEntityAsked says whether an entity has all parts that are asked for, and if the request is strict, no others.
func isEntityAsked(entity command.QuotaEntity, request *kmsg.DescribeClientQuotasRequest) bool {
	parts := quotaParts(entity)
	if request.Strict && len(parts) != len(request.Components) {
		return false
	}
	for _, component := range request.Components {
		part, ok := parts[component.EntityType]
		switch {
		case !ok:
			return false
		case component.MatchType == kmsg.QuotasMatchTypeExact && part != (command.QuotaName{Kind: command.QuotaNamed, Name: *component.Match}):
			return false
		case component.MatchType == kmsg.QuotasMatchTypeDefault && part.Kind != command.QuotaDefault:
			return false
		}
	}
	return true
}
