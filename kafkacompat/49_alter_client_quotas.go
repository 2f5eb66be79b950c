package kafkacompat

import (
	"fmt"
	"math"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// AlterClientQuotas sets and removes quotas of users, client ids and addresses (KIP-546, KIP-612).
//
// Versions: 1 brought flexible encoding.
//
// Left out: request_percentage. A request waits for the log most of its time, and takes no thread of a bounded number.
func init() {
	register(api{
		key: 49, versionMin: 0, versionMax: 1,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ [ s ns ] [ s i64 bool ] ] bool"),
	}, alterClientQuotas)
}

func alterClientQuotas(c *call, request *kmsg.AlterClientQuotasRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.AlterClientQuotasResponse](request)
	var alterations []command.QuotaAlteration
	var places []int
	errs := make([]error, len(request.Entries))
	seen := map[command.QuotaEntity]bool{}
	for i, entry := range request.Entries {
		alteration, err := quotaAlteration(entry)
		switch {
		case !c.isLeader():
			err = c.notController()
		case err == nil && seen[alteration.Entity]:
			err = fmt.Errorf("an entity is named twice: %w", kerr.InvalidRequest)
		}
		seen[alteration.Entity] = true
		if errs[i] = err; err == nil {
			alterations, places = append(alterations, alteration), append(places, i)
		}
	}
	if len(alterations) > 0 && !request.ValidateOnly {
		for i, err := range c.proposeAdmin(0, len(alterations), command.AlterClientQuotas{Alterations: alterations}) {
			errs[places[i]] = err
		}
	}
	for i, entry := range request.Entries {
		answer := kmsg.NewAlterClientQuotasResponseEntry()
		answer.ErrorCode, answer.ErrorMessage = errorCode(errs[i]), errorMessage(errs[i])
		for _, part := range entry.Entity {
			named := kmsg.NewAlterClientQuotasResponseEntryEntity()
			named.Type, named.Name = part.Type, part.Name
			answer.Entity = append(answer.Entity, named)
		}
		response.Entries = append(response.Entries, answer)
	}
	return response, nil
}

func quotaAlteration(entry kmsg.AlterClientQuotasRequestEntry) (alteration command.QuotaAlteration, err error) {
	if alteration.Entity, err = quotaEntity(entry.Entity); err != nil {
		return alteration, err
	}
	isOfIP := alteration.Entity.IP.Kind != command.QuotaAbsent
	named := map[string]bool{}
	for _, op := range entry.Ops {
		switch {
		case named[op.Key]:
			return alteration, fmt.Errorf("quota %s is named twice: %w", op.Key, kerr.InvalidRequest)
		case op.Key == "request_percentage" && !isOfIP && !op.Remove:
			return alteration, fmt.Errorf("request_percentage is not measured by this server; set %s or %s: %w", quotaProducerBytes, quotaConsumerBytes, kerr.InvalidRequest)
		case op.Key == "request_percentage" && !isOfIP:
		case isOfIP != (op.Key == quotaConnectionsOfAnIP),
			!isOfIP && op.Key != quotaProducerBytes && op.Key != quotaConsumerBytes && op.Key != quotaMutations:
			if op.Remove { // there is none
				named[op.Key] = true
				continue
			}
			return alteration, fmt.Errorf("unknown quota %q of such an entity: %w", op.Key, kerr.InvalidRequest)
		}
		named[op.Key] = true
		if op.Remove {
			alteration.Remove = append(alteration.Remove, op.Key)
			continue
		}
		isWhole := op.Key == quotaMutations || op.Value == math.Trunc(op.Value)
		if !(op.Value > 0) || math.IsInf(op.Value, 0) || !isWhole {
			return alteration, fmt.Errorf("quota %s is %v, must be a positive number, and whole but for %s: %w", op.Key, op.Value, quotaMutations, kerr.InvalidRequest)
		}
		if alteration.Set == nil {
			alteration.Set = map[string]float64{}
		}
		alteration.Set[op.Key] = op.Value
	}
	return alteration, nil
}

func quotaEntity(parts []kmsg.AlterClientQuotasRequestEntryEntity) (entity command.QuotaEntity, err error) {
	if len(parts) == 0 {
		return entity, fmt.Errorf("quotas of nobody: %w", kerr.InvalidRequest)
	}
	for _, part := range parts {
		name := command.QuotaName{Kind: command.QuotaDefault}
		if part.Name != nil {
			name = command.QuotaName{Kind: command.QuotaNamed, Name: *part.Name}
		}
		place := map[string]*command.QuotaName{quotaUser: &entity.User, quotaClientID: &entity.ClientID, quotaIP: &entity.IP}[part.Type]
		switch {
		case place == nil:
			return entity, fmt.Errorf("unknown entity type %q: %w", part.Type, kerr.InvalidRequest)
		case place.Kind != command.QuotaAbsent:
			return entity, fmt.Errorf("entity type %s is named twice: %w", part.Type, kerr.InvalidRequest)
		case part.Name != nil && *part.Name == "":
			return entity, fmt.Errorf("entity type %s: the name is empty; null is the default: %w", part.Type, kerr.InvalidRequest)
		case part.Type == quotaIP && part.Name != nil && net.ParseIP(*part.Name) == nil:
			return entity, fmt.Errorf("%q is no IP address: %w", *part.Name, kerr.InvalidRequest)
		}
		if part.Type == quotaIP && part.Name != nil {
			name.Name = net.ParseIP(*part.Name).String() // as connections have it
		}
		*place = name
	}
	if entity.IP.Kind != command.QuotaAbsent && len(parts) > 1 {
		return entity, fmt.Errorf("an address has quotas of its own, beside no user or client id: %w", kerr.InvalidRequest)
	}
	return entity, nil
}
