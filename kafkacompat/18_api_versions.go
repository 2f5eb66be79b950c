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
