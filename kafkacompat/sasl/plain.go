package sasl

import (
	"bytes"
	"unicode/utf8"

	"kont/statemachine/command"
)

// Plain is PLAIN (RFC 4616): the client sends its password. What is kept of it are the
// same credentials as for SCRAM, of either hash, so that there is one place where users
// are, and none where passwords are.
func Plain(credentials Credentials, secret []byte) Mechanism {
	return plain{credentials, standIns{secret}}
}

type plain struct {
	credentials Credentials
	standIns    standIns
}

func (plain) Name() string      { return "PLAIN" }
func (p plain) Begin() Exchange { return p }

// Next takes the one message that there is: authzid NUL authcid NUL password.
func (p plain) Next(message []byte) ([]byte, *Identity, error) {
	parts := bytes.Split(message, []byte{0})
	if len(parts) != 3 || !utf8.Valid(message) {
		return nil, nil, errMessage
	}
	as, name, password := string(parts[0]), string(parts[1]), string(parts[2])
	if name == "" || password == "" {
		return nil, nil, errPassword
	}
	credential, exists := p.find(name)
	isRight := matches(credential, password)
	if !exists || !isRight || as != "" && as != name {
		return nil, nil, errPassword
	}
	return nil, &Identity{Name: name}, nil
}

func (p plain) find(name string) (command.ScramCredential, bool) {
	for _, mechanism := range []command.ScramMechanism{command.ScramSHA256, command.ScramSHA512} {
		if credential, exists := p.credentials.ScramCredential(command.ScramUser{User: name, Mechanism: mechanism}); exists {
			return credential, true
		}
	}
	return p.standIns.credential(command.ScramUser{User: name, Mechanism: command.ScramSHA256}), false
}
