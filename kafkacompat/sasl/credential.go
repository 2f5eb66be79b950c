package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"runtime"

	"kont/statemachine/command"
)

// The bounds of iterations, as a Kafka broker has them. More cost an attacker who has
// the credentials more, and each client that logs in too.
const (
	IterationsMin = 4096
	IterationsMax = 16_384
)

// saltBytes is how long the salts are that are made here.
const saltBytes = 24

// hashing has room for the passwords that are hashed at a time.
var hashing = make(chan struct{}, runtime.GOMAXPROCS(0))

// NewCredential makes what is kept of a password, with a salt of its own.
func NewCredential(user command.ScramUser, password string, iterations int32) (command.ScramCredential, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	salted, err := saltedPassword(user.Mechanism, password, salt, iterations)
	if err != nil {
		return command.ScramCredential{}, err
	}
	return CredentialOf(user, salted, salt, iterations)
}

// CredentialOf makes what is kept of a password that a client has salted and hashed.
func CredentialOf(user command.ScramUser, saltedPassword, salt []byte, iterations int32) (command.ScramCredential, error) {
	newHash, err := hashOf(user.Mechanism)
	if err != nil {
		return command.ScramCredential{}, err
	}
	return command.ScramCredential{
		ScramUser:  user,
		Iterations: iterations,
		Salt:       salt,
		StoredKey:  digest(newHash, sum(newHash, saltedPassword, "Client Key")),
		ServerKey:  sum(newHash, saltedPassword, "Server Key"),
	}, nil
}

// matches tells whether a credential was made of a password.
func matches(credential command.ScramCredential, password string) bool {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	salted, err := saltedPassword(credential.Mechanism, password, credential.Salt, credential.Iterations)
	if err != nil {
		return false
	}
	again, err := CredentialOf(credential.ScramUser, salted, credential.Salt, credential.Iterations)
	return err == nil && subtle.ConstantTimeCompare(again.StoredKey, credential.StoredKey) == 1
}

func saltedPassword(mechanism command.ScramMechanism, password string, salt []byte, iterations int32) ([]byte, error) {
	newHash, err := hashOf(mechanism)
	if err != nil {
		return nil, err
	}
	return pbkdf2.Key(newHash, password, salt, int(iterations), newHash().Size())
}

func hashOf(mechanism command.ScramMechanism) (func() hash.Hash, error) {
	switch mechanism {
	case command.ScramSHA256:
		return sha256.New, nil
	case command.ScramSHA512:
		return sha512.New, nil
	default:
		return nil, fmt.Errorf("SCRAM mechanism %d is neither SHA-256 nor SHA-512", mechanism)
	}
}

func sum(newHash func() hash.Hash, key []byte, text string) []byte {
	mac := hmac.New(newHash, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func digest(newHash func() hash.Hash, data []byte) []byte {
	h := newHash()
	h.Write(data)
	return h.Sum(nil)
}

// A stand-in is the credential of a user who isn't there: the same one for the same
// name, so that asking twice tells nothing, and one that no password fits.
type standIns struct{ secret []byte }

func (s standIns) credential(user command.ScramUser) command.ScramCredential {
	newHash, err := hashOf(user.Mechanism)
	if err != nil {
		panic(err) // mechanisms are ours
	}
	return command.ScramCredential{
		ScramUser:  user,
		Iterations: IterationsMin,
		Salt:       sum(newHash, s.secret, "salt of "+user.User)[:saltBytes],
		StoredKey:  sum(newHash, s.secret, "stored key of "+user.User),
		ServerKey:  sum(newHash, s.secret, "server key of "+user.User),
	}
}
