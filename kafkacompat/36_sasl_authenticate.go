package kafkacompat

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
)

// SaslAuthenticate carries the messages of the mechanism that SaslHandshake chose. A
// client that fails is told so after a while, and the connection is closed.
//
// Versions: 1 tells how long the session lives; a client logs in again before that
// (KIP-368). 2 brought flexible encoding.
func init() {
	register(api{
		key: keySASLAuthenticate, versionMin: 0, versionMax: 2,
		requestBytesMax: requestBytesUnknown,
		shape:           wire.MustShape("b"),
	}, saslAuthenticate)
}

const keySASLAuthenticate = 36

func saslAuthenticate(c *call, request *kmsg.SASLAuthenticateRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.SASLAuthenticateResponse](request)
	response.SASLAuthBytes = []byte{}
	if c.login.exchange == nil {
		response.ErrorCode = kerr.IllegalSaslState.Code
		response.ErrorMessage = errorMessage(kerr.IllegalSaslState)
		return response, nil
	}
	answer, err := c.loginNext(request.SASLAuthBytes)
	if err != nil {
		// Whoever guesses passwords waits for each answer.
		c.failedLogin(c.current.arrived)
		text := err.Error()
		response.ErrorCode, response.ErrorMessage = kerr.SaslAuthenticationFailed.Code, &text
		return response, nil
	}
	if answer != nil {
		response.SASLAuthBytes = answer
	}
	if c.login.exchange == nil && !c.login.expiresAt.IsZero() {
		response.SessionLifetimeMillis = max(1, time.Until(c.login.expiresAt).Milliseconds())
	}
	return response, nil
}
