// Package sasl is the server's side of the SASL mechanisms that Kafka's clients log in
// with: PLAIN, SCRAM-SHA-256 and -512, OAUTHBEARER.
//
// It knows no sockets and no frames: messages come in, answers go out. It stores
// nothing; what is known of users it is given, see Credentials and TokenRules. It has
// no GSSAPI.
//
// # Invariants
//
//   - No error and no answer says whether a user exists: those who don't are asked for
//     the same messages, and cost the same work.
//   - No error holds what a client sent, which may be a secret, but for the name of a
//     mechanism.
//   - Secrets are compared in constant time.
//   - Of a password, at most as many are hashed at a time as there are cores: each
//     costs milliseconds, and strangers may send as many as they have connections.
package sasl

import (
	"errors"
	"time"

	"kont/statemachine/command"
)

// Mechanism is one way to log in.
type Mechanism interface {
	// Name is the mechanism's in SASL, such as SCRAM-SHA-256.
	Name() string
	// Begin begins an exchange with one client.
	Begin() Exchange
}

// Exchange is one client logging in. It is for one goroutine.
type Exchange interface {
	// Next takes a message of the client and returns the answer. Once who is there is
	// known, the exchange is over. So it is with an error, which is one of Refusal,
	// unless there is an answer too: then the client is told that first, and its next
	// message brings the same error.
	Next(message []byte) (answer []byte, who *Identity, err error)
}

// Identity is who a client has shown to be.
type Identity struct {
	Name string
	// ExpiresAt is until when; zero for ever.
	ExpiresAt time.Time
}

// A Refusal is why a client can't log in. Its text is for the client.
type Refusal struct{ text string }

func (r *Refusal) Error() string { return r.text }

// refusals with the texts of Kafka's brokers, which people search for.
var (
	errPassword = &Refusal{"Authentication failed: Invalid username or password"}
	errMessage  = &Refusal{"Authentication failed: Invalid SASL message"}
	errOver     = &Refusal{"Authentication failed: The exchange is over"}
)

// IsRefusal tells whether a client may be told an error.
func IsRefusal(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal)
}

// Credentials is what is kept of users' passwords.
type Credentials interface {
	ScramCredential(user command.ScramUser) (command.ScramCredential, bool)
}
