package kafkacompat

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A feature is a level that a whole cluster agrees on (KIP-584). Clients read of it how
// they may behave. Ours have one level in a release, so nothing is ever agreed upon:
// what is supported is what is in force.
type feature struct {
	name  string
	level int16
}

// features are those that clients ask for.
var features = []feature{
	// 1: groups of the new protocol (KIP-848).
	{"group.version", 1},
	// 2: ends of transactions bring another epoch, and partitions and groups are added by
	// what is written (KIP-890, part 2).
	{"transaction.version", 2},
}

// featureNamed says whether there is a feature of that name.
func featureNamed(name string) (feature, bool) {
	i := slices.IndexFunc(features, func(f feature) bool { return f.name == name })
	if i < 0 {
		return feature{}, false
	}
	return features[i], true
}

func addFeatures(response *kmsg.ApiVersionsResponse) {
	response.FinalizedFeaturesEpoch = 0
	for _, f := range features {
		supported := kmsg.NewApiVersionsResponseSupportedFeature()
		supported.Name, supported.MinVersion, supported.MaxVersion = f.name, f.level, f.level
		response.SupportedFeatures = append(response.SupportedFeatures, supported)
		finalized := kmsg.NewApiVersionsResponseFinalizedFeature()
		finalized.Name, finalized.MinVersionLevel, finalized.MaxVersionLevel = f.name, f.level, f.level
		response.FinalizedFeatures = append(response.FinalizedFeatures, finalized)
	}
}
