package kafkacompat

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/sasl"
	"kont/kafkacompat/wire"
	"kont/statemachine/command"
)

// AlterUserScramCredentials sets and deletes what users log in with (KIP-554). The
// client salts and hashes the password; what is stored is derived from that and can't
// be used to log in. There is one result for each user, who may be named once: both
// mechanisms take two requests, as on Kafka, and nothing is done for one named twice.
//
// Versions: 0.
func init() {
	register(api{
		key: 51, versionMin: 0, versionMax: 0,
		requestBytesMax: requestBytesSmall,
		shape:           wire.MustShape("[ s i8 ] [ s i8 i32 b b ]"),
	}, alterUserSCRAMCredentials)
}

func alterUserSCRAMCredentials(c *call, request *kmsg.AlterUserSCRAMCredentialsRequest) (kmsg.Response, error) {
	alteration := newScramAlteration(c)
	for _, asked := range request.Deletions {
		user := command.ScramUser{User: asked.Name, Mechanism: command.ScramMechanism(asked.Mechanism)}
		if alteration.names(user); alteration.check(user, func() error { return alteration.mayDelete(user) }) {
			alteration.deletions = append(alteration.deletions, user)
		}
	}
	for _, asked := range request.Upsertions {
		user := command.ScramUser{User: asked.Name, Mechanism: command.ScramMechanism(asked.Mechanism)}
		var credential command.ScramCredential
		if alteration.names(user); alteration.check(user, func() (err error) {
			credential, err = wantedCredential(user, asked)
			return err
		}) {
			alteration.upserts = append(alteration.upserts, credential)
		}
	}
	alteration.propose()

	response := responseTo[*kmsg.AlterUserSCRAMCredentialsResponse](request)
	for _, name := range alteration.users {
		answer := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
		answer.User = name
		err := alteration.errs[name]
		answer.ErrorCode, answer.ErrorMessage = errorCode(err), errorMessage(err)
		response.Results = append(response.Results, answer)
	}
	return response, nil
}

// wantedCredential is what is kept of a password that a client has hashed.
func wantedCredential(user command.ScramUser, asked kmsg.AlterUserSCRAMCredentialsRequestUpsertion) (command.ScramCredential, error) {
	switch {
	case asked.Iterations < sasl.IterationsMin || asked.Iterations > sasl.IterationsMax:
		return command.ScramCredential{}, fmt.Errorf("user %s: %d iterations, must be %d to %d: %w",
			user.User, asked.Iterations, sasl.IterationsMin, sasl.IterationsMax, kerr.UnacceptableCredential)
	case len(asked.Salt) == 0 || len(asked.SaltedPassword) == 0:
		return command.ScramCredential{}, fmt.Errorf("user %s: salt or salted password is empty: %w", user.User, kerr.UnacceptableCredential)
	}
	return sasl.CredentialOf(user, asked.SaltedPassword, asked.Salt, asked.Iterations)
}

// A scramAlteration gathers what is asked for and what is wrong with it.
type scramAlteration struct {
	call *call
	// users are those named, in order; errs is the first error of each.
	users     []string
	errs      map[string]error
	seen      map[string]bool
	deletions []command.ScramUser
	upserts   []command.ScramCredential
}

func newScramAlteration(c *call) *scramAlteration {
	return &scramAlteration{call: c, errs: make(map[string]error), seen: make(map[string]bool)}
}

func (a *scramAlteration) names(user command.ScramUser) {
	if _, isNamed := a.errs[user.User]; !isNamed {
		a.users = append(a.users, user.User)
		a.errs[user.User] = nil
	}
}

// check returns whether an alteration may be proposed, as far as it goes alone.
func (a *scramAlteration) check(user command.ScramUser, more func() error) bool {
	var err error
	switch {
	case !a.call.isLeader():
		err = a.call.notController()
	case user.User == "":
		err = fmt.Errorf("the user's name is empty: %w", kerr.UnacceptableCredential)
	case user.Mechanism != command.ScramSHA256 && user.Mechanism != command.ScramSHA512:
		err = fmt.Errorf("user %s: unknown SCRAM mechanism %d: %w", user.User, user.Mechanism, kerr.UnsupportedSaslMechanism)
	case a.seen[user.User]:
		err = fmt.Errorf("user %s: a user's credentials can't be altered twice in a request: %w", user.User, kerr.DuplicateResource)
	default:
		err = more()
	}
	a.seen[user.User] = true
	if a.errs[user.User] == nil {
		a.errs[user.User] = err
	}
	return err == nil
}

func (a *scramAlteration) mayDelete(user command.ScramUser) error {
	if _, exists := a.call.log().ScramCredential(user); !exists {
		return fmt.Errorf("user %s: %w", user.User, command.ErrUnknownCredential)
	}
	return nil
}

// propose does what is asked for users with whom nothing is wrong.
func (a *scramAlteration) propose() {
	proposed := command.AlterScramCredentials{}
	var names []string
	for _, user := range a.deletions {
		if a.errs[user.User] == nil {
			proposed.Deletions = append(proposed.Deletions, user)
			names = append(names, user.User)
		}
	}
	for _, credential := range a.upserts {
		if a.errs[credential.User] == nil {
			proposed.Upserts = append(proposed.Upserts, credential)
			names = append(names, credential.User)
		}
	}
	if len(names) == 0 {
		return
	}
	for i, err := range a.call.proposeAdmin(0, len(names), proposed) {
		if err != nil && a.errs[names[i]] == nil {
			a.errs[names[i]] = err
		}
	}
}
