package command

// AlterGroupConfigs changes the configuration of a consumer group (KIP-848), which may have no members and no offsets. Its result is nil or ErrLimit.
type AlterGroupConfigs struct {
	Group string `cbor:"1,keyasint"`
	// Set are configurations by Kafka's names, Remove the names of those that go back to what all groups have.
	Set    map[string]string `cbor:"2,keyasint,omitempty"`
	Remove []string          `cbor:"3,keyasint,omitempty"`
}

// GroupConfigs are what is set of groups at a time. They are never changed: where one is altered, there are others.
type GroupConfigs struct {
	// ByGroup has the configuration of a group by its names; no group without.
	ByGroup map[string]map[string]string
}

func (AlterGroupConfigs) Kind() Kind { return KindAlterGroupConfigs }
