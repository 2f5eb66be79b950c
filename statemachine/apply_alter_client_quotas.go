package statemachine

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// noQuotas is what a store without quotas has.
var noQuotas = &command.ClientQuotas{}

func (c *change) applyAlterClientQuotas(com *command.AlterClientQuotas) []error {
	// Copied once a command: readers have the one before.
	all := maps.Clone(c.work.quotas.ByEntity)
	if all == nil {
		all = map[command.QuotaEntity]map[string]float64{}
	}
	errs := make([]error, len(com.Alterations))
	for i := range com.Alterations {
		errs[i] = c.alterClientQuotas(all, &com.Alterations[i])
	}
	c.work.quotas = &command.ClientQuotas{ByEntity: all}
	return errs
}

func (c *change) alterClientQuotas(all map[command.QuotaEntity]map[string]float64, a *command.QuotaAlteration) error {
	quotas := maps.Clone(all[a.Entity])
	if quotas == nil {
		quotas = map[string]float64{}
	}
	maps.Copy(quotas, a.Set)
	for _, name := range a.Remove {
		delete(quotas, name)
	}
	if err := checkQuotas(a.Entity, quotas); err != nil {
		return err
	}
	if _, exists := all[a.Entity]; !exists && len(quotas) > 0 && len(all) >= QuotaEntitiesMax {
		return limitError("entities with quotas", len(all)+1, QuotaEntitiesMax)
	}
	key := c.key.QuotaOf(quotaPart(a.Entity.User), quotaPart(a.Entity.ClientID), quotaPart(a.Entity.IP))
	if len(quotas) == 0 {
		delete(all, a.Entity)
		c.delete(key)
	} else {
		all[a.Entity] = quotas
		c.value = encodeQuotas(c.value[:0], quotas)
		c.set(key, c.value)
	}
	return nil
}

func checkQuotas(e command.QuotaEntity, quotas map[string]float64) error {
	if bytes := len(e.User.Name) + len(e.ClientID.Name) + len(e.IP.Name); bytes > QuotaEntityBytesMax {
		return limitError("bytes of a quota's entity", bytes, QuotaEntityBytesMax)
	}
	if len(quotas) > QuotasOfEntityMax {
		return limitError("quotas of an entity", len(quotas), QuotasOfEntityMax)
	}
	for name := range quotas {
		if len(name) > TopicConfigBytesMax {
			return limitError("bytes of a quota's name", len(name), TopicConfigBytesMax)
		}
	}
	return nil
}

func encodeQuotas(dst []byte, quotas map[string]float64) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, uint64(len(quotas)))
	for _, name := range slices.Sorted(maps.Keys(quotas)) {
		dst = appendString(dst, name)
		dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(quotas[name]))
	}
	return dst
}

func decodeQuotas(value []byte) (map[string]float64, error) {
	r := readValue(value)
	n := r.count()
	quotas := make(map[string]float64, n)
	for range n {
		name := r.string()
		if bits := r.bytes(8); !r.bad {
			quotas[name] = math.Float64frombits(binary.BigEndian.Uint64(bits))
		}
	}
	return quotas, r.end("quotas")
}

func (im *image) loadQuotas(key, value []byte) error {
	user, clientID, ip, err := keys.ParseQuota(key)
	if err != nil {
		return err
	}
	quotas, err := decodeQuotas(value)
	if im.quotas == noQuotas {
		im.quotas = &command.ClientQuotas{ByEntity: map[command.QuotaEntity]map[string]float64{}}
	}
	im.quotas.ByEntity[command.QuotaEntity{User: quotaName(user), ClientID: quotaName(clientID), IP: quotaName(ip)}] = quotas
	return err
}

func quotaPart(name command.QuotaName) keys.QuotaPart {
	return keys.QuotaPart{Kind: uint8(name.Kind), Name: name.Name}
}

func quotaName(part keys.QuotaPart) command.QuotaName {
	return command.QuotaName{Kind: command.QuotaNameKind(part.Kind), Name: part.Name}
}

// ClientQuotas are all quotas. The pointer differs whenever they do; nobody may change what it leads to.
func (s *Store) ClientQuotas() (quotas *command.ClientQuotas) {
	s.view(func(im *image) { quotas = im.quotas })
	return quotas
}
