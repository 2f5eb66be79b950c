package kafkacompat

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// UpdateFeatures puts features to other levels (KIP-584). A release of ours has each at one level, so that an update to that level succeeds and
// changes nothing, and any other is refused. As on a broker, one refusal is that of all updates in the request.
//
// Versions: 1 tells kinds of downgrades apart and lets a client only ask whether it could (KIP-778); 2 has no results by feature (KIP-1022).
func init() {
	register(api{
		key: 57, versionMin: 0, versionMax: 2,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("i32 [ s i16 bool@0-0 i8@1+ ] bool@1+"),
	}, updateFeatures)
}

// The kinds of updates. Version 0 knows the first two, as a flag.
const (
	upgradeOnly     = 1
	downgradeSafe   = 2
	downgradeUnsafe = 3
)

func updateFeatures(c *call, request *kmsg.UpdateFeaturesRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.UpdateFeaturesResponse](request)
	err := c.mayUpdateFeatures(request)
	response.ErrorCode, response.ErrorMessage = errorCode(err), errorMessage(err)
	if err != nil || request.Version >= 2 {
		return response, nil
	}
	for _, update := range request.FeatureUpdates {
		result := kmsg.NewUpdateFeaturesResponseResult()
		result.Feature = update.Feature
		response.Results = append(response.Results, result)
	}
	return response, nil
}

func (c *call) mayUpdateFeatures(request *kmsg.UpdateFeaturesRequest) error {
	if !c.isLeader() {
		return kerr.NotController
	}
	seen := make(map[string]bool)
	for _, update := range request.FeatureUpdates {
		if seen[update.Feature] {
			return fmt.Errorf("feature %q is named twice: %w", update.Feature, kerr.InvalidRequest)
		}
		seen[update.Feature] = true
		kind := update.UpgradeType
		if request.Version == 0 {
			kind = upgradeOnly
			if update.AllowDowngrade {
				kind = downgradeSafe
			}
		}
		if kind < upgradeOnly || kind > downgradeUnsafe {
			return fmt.Errorf("updates are of type %d to %d, not %d: %w", upgradeOnly, downgradeUnsafe, kind, kerr.InvalidUpdateVersion)
		}
		f, isThere := featureNamed(update.Feature)
		if !isThere {
			return fmt.Errorf("there is no feature %q: %w", update.Feature, kerr.InvalidUpdateVersion)
		}
		if update.MaxVersionLevel != f.level {
			return fmt.Errorf("%s is at level %d in this release, the only one that it has, and can't be put to %d: %w",
				f.name, f.level, update.MaxVersionLevel, kerr.InvalidUpdateVersion)
		}
	}
	return nil
}
