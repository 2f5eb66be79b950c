package kafkacompat

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// SaslHandshake chooses a mechanism to log in with, before anything else but
// ApiVersions or, on a connection that has logged in, to do so again (KIP-368). A
// mechanism that the listener doesn't have is answered with those that it has, after
// which the connection is closed.
//
// Versions: after 0 the messages of the mechanism follow bare, as tokens with their
// length before them; after 1 they come in SaslAuthenticate (KIP-152).
func init() {
	register(api{
		key: keySASLHandshake, versionMin: 0, versionMax: 1,
		requestBytesMax: requestBytesUnknown,
		shape:           wire.MustShape("s"),
	}, saslHandshake)
}

const keySASLHandshake = 17

func saslHandshake(c *call, request *kmsg.SASLHandshakeRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.SASLHandshakeResponse](request)
	for _, mechanism := range c.how.SASL {
		response.SupportedMechanisms = append(response.SupportedMechanisms, mechanism.Name())
	}
	// Bare tokens can't be told from requests once there are requests.
	if len(c.how.SASL) == 0 || c.login.exchange != nil || c.login.isDone && request.Version == 0 {
		response.ErrorCode = kerr.IllegalSaslState.Code
		return response, nil
	}
	for _, mechanism := range c.how.SASL {
		if mechanism.Name() == request.Mechanism {
			c.login.begin(mechanism, request.Version == 0)
			return response, nil
		}
	}
	response.ErrorCode = kerr.UnsupportedSaslMechanism.Code
	c.login.failure = errUnknownMechanism
	return response, nil
}
