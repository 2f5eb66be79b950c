package command

// AlterClientQuotas changes what clients may use. Its result is []error, one per alteration in order: nil or ErrLimit.
type AlterClientQuotas struct {
	Alterations []QuotaAlteration `cbor:"1,keyasint"`
}

// QuotaAlteration sets and removes quotas of one entity.
type QuotaAlteration struct {
	Entity QuotaEntity `cbor:"1,keyasint"`
	// Set are quotas by Kafka's names, Remove the names of those that end.
	Set    map[string]float64 `cbor:"2,keyasint,omitempty"`
	Remove []string           `cbor:"3,keyasint,omitempty"`
}

// QuotaEntity is whom a quota is for (KIP-546): a user, a client id, both of them together, or an address. It can be the key of a map.
type QuotaEntity struct {
	User     QuotaName `cbor:"1,keyasint,omitzero"`
	ClientID QuotaName `cbor:"2,keyasint,omitzero"`
	IP       QuotaName `cbor:"3,keyasint,omitzero"`
}

// QuotaName is one part of an entity. The zero value says that the entity has no such part.
type QuotaName struct {
	Kind QuotaNameKind `cbor:"1,keyasint"`
	// Name is empty unless Kind is QuotaNamed, where it may be empty too.
	Name string `cbor:"2,keyasint,omitempty"`
}

// QuotaNameKind says how a part of an entity is given. The numbers are stored.
type QuotaNameKind uint8

const (
	// QuotaAbsent: the quota is not about that.
	QuotaAbsent QuotaNameKind = 0
	// QuotaNamed: the one of the name.
	QuotaNamed QuotaNameKind = 1
	// QuotaDefault: each that has no quota of its own.
	QuotaDefault QuotaNameKind = 2
)

// ClientQuotas are all quotas at a time. They are never changed: where one is altered, there are others.
type ClientQuotas struct {
	// ByEntity has the quotas of an entity by their names; no entity without.
	ByEntity map[QuotaEntity]map[string]float64
}

func (AlterClientQuotas) Kind() Kind { return KindAlterClientQuotas }
