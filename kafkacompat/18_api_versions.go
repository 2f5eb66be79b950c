package kafkacompat

import (
	"regexp"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// ApiVersions lists the registrations, so that nothing is advertised that nobody
// wrote.
//
// A version that is not served is answered in version 0 with
// UNSUPPORTED_VERSION and the versions of ApiVersions itself (KIP-511), after
// which the client asks again.
//
// Versions: 3 brought the client's name and version and flexible encoding; the
// answer's header stays the old one. 4 allows features with version 0.
//
// Left out: version 5, by which a client checks the cluster that it reached.
func init() {
	register(api{
		key: keyApiVersions, versionMin: 0, versionMax: 4,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("s@3+ s@3+"),
	}, apiVersions)
}

const keyApiVersions = 18

// clientName is what a client may call itself (KIP-511).
var clientName = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)

func apiVersions(c *call, request *kmsg.ApiVersionsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.ApiVersionsResponse](request)
	if request.Version >= 3 {
		if !clientName.MatchString(request.ClientSoftwareName) || !clientName.MatchString(request.ClientSoftwareVersion) {
			response.ErrorCode = kerr.InvalidRequest.Code
			return response, nil
		}
		c.logger.Debug("kafka client", "name", request.ClientSoftwareName, "version", request.ClientSoftwareVersion)
	}
	for _, a := range apis {
		if a != nil {
			response.ApiKeys = append(response.ApiKeys, a.advertised())
		}
	}
	if request.Version >= 3 {
		addFeatures(response)
	}
	return response, nil
}

// A feature is a level that a whole cluster agrees on (KIP-584). Clients read of it how
// they may behave.
type feature struct {
	name               string
	levelMin, levelMax int16
	level              int16
}

// features are those that clients ask for.
var features = []feature{
	// 2: ends of transactions bring another epoch, and partitions and groups are added by
	// what is written (KIP-890, part 2).
	{"transaction.version", 0, 2, 2},
}

func addFeatures(response *kmsg.ApiVersionsResponse) {
	response.FinalizedFeaturesEpoch = 0
	for _, f := range features {
		// Clients of version 3 can't read a feature that may be at level 0.
		if f.levelMin > 0 || response.Version >= 4 {
			supported := kmsg.NewApiVersionsResponseSupportedFeature()
			supported.Name, supported.MinVersion, supported.MaxVersion = f.name, f.levelMin, f.levelMax
			response.SupportedFeatures = append(response.SupportedFeatures, supported)
		}
		finalized := kmsg.NewApiVersionsResponseFinalizedFeature()
		finalized.Name, finalized.MinVersionLevel, finalized.MaxVersionLevel = f.name, f.level, f.level
		response.FinalizedFeatures = append(response.FinalizedFeatures, finalized)
	}
}

// unsupportedApiVersions answers a version that is not served.
func unsupportedApiVersions() *kmsg.ApiVersionsResponse {
	response := kmsg.NewPtrApiVersionsResponse()
	response.ErrorCode = kerr.UnsupportedVersion.Code
	response.ApiKeys = append(response.ApiKeys, apis[keyApiVersions].advertised())
	return response
}

func (a *api) advertised() kmsg.ApiVersionsResponseApiKey {
	key := kmsg.NewApiVersionsResponseApiKey()
	key.ApiKey, key.MinVersion, key.MaxVersion = a.key, a.versionMin, a.versionMax
	if a.isAdvertisedFromZero {
		key.MinVersion = 0
	}
	return key
}
