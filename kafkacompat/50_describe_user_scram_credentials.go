package kafkacompat

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// DescribeUserScramCredentials tells which users have credentials, for which mechanisms
// and with how many iterations (KIP-554). Nothing tells the credentials.
//
// Versions: 0.
func init() {
	register(api{
		key: 50, versionMin: 0, versionMax: 0,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ s ]"),
	}, describeUserSCRAMCredentials)
}

func describeUserSCRAMCredentials(c *call, request *kmsg.DescribeUserSCRAMCredentialsRequest) (kmsg.Response, error) {
	response := responseTo[*kmsg.DescribeUserSCRAMCredentialsResponse](request)
	known := make(map[string][]kmsg.DescribeUserSCRAMCredentialsResponseResultCredentialInfo)
	var names []string
	for _, credential := range c.log().ScramCredentials() {
		if _, isSecond := known[credential.User]; !isSecond {
			names = append(names, credential.User)
		}
		known[credential.User] = append(known[credential.User], kmsg.DescribeUserSCRAMCredentialsResponseResultCredentialInfo{
			Mechanism: int8(credential.Mechanism), Iterations: credential.Iterations,
		})
	}
	times := make(map[string]int)
	if len(request.Users) > 0 {
		names = nil
		for _, user := range request.Users {
			if times[user.Name]++; times[user.Name] == 1 {
				names = append(names, user.Name)
			}
		}
	}
	for _, name := range names {
		answer := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
		answer.User = name
		var err error
		switch {
		case times[name] > 1:
			err = fmt.Errorf("user %s is named twice: %w", name, kerr.DuplicateResource)
		case known[name] == nil:
			err = fmt.Errorf("user %s: %w", name, command.ErrUnknownCredential)
		default:
			answer.CredentialInfos = known[name]
		}
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Results = append(response.Results, answer)
	}
	return response, nil
}
