package statemachine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

func (c *change) applyAlterScramCredentials(com *command.AlterScramCredentials) []error {
	errs := make([]error, len(com.Deletions)+len(com.Upserts))
	if com.IfNone && len(c.work.credentials) > 0 {
		return errs
	}
	for i, user := range com.Deletions {
		if _, exists := c.work.credentials[user]; !exists {
			errs[i] = fmt.Errorf("%w: user %q, mechanism %d", command.ErrUnknownCredential, user.User, user.Mechanism)
			continue
		}
		delete(c.work.credentials, user)
		c.delete(c.key.CredentialOf(user.User, int8(user.Mechanism)))
		c.credentialUsers = append(c.credentialUsers, user)
	}
	for i := range com.Upserts {
		errs[len(com.Deletions)+i] = c.setCredential(com.Upserts[i])
	}
	return errs
}

func (c *change) setCredential(credential command.ScramCredential) error {
	if err := checkCredential(credential); err != nil {
		return err
	}
	if _, exists := c.work.credentials[credential.ScramUser]; !exists && len(c.work.credentials) >= CredentialsMax {
		return limitError("credentials", len(c.work.credentials)+1, CredentialsMax)
	}
	c.work.credentials[credential.ScramUser] = credential
	c.value = encodeCredential(c.value[:0], &credential)
	c.set(c.key.CredentialOf(credential.User, int8(credential.Mechanism)), c.value)
	c.credentialUsers = append(c.credentialUsers, credential.ScramUser)
	return nil
}

func checkCredential(credential command.ScramCredential) error {
	hashBytes := map[command.ScramMechanism]int{command.ScramSHA256: 32, command.ScramSHA512: 64}[credential.Mechanism]
	switch {
	case hashBytes == 0:
		return fmt.Errorf("%w: mechanism %d", command.ErrInvalidCredential, credential.Mechanism)
	case credential.User == "":
		return fmt.Errorf("%w: the user's name is empty", command.ErrInvalidCredential)
	case len(credential.StoredKey) != hashBytes || len(credential.ServerKey) != hashBytes:
		return fmt.Errorf("%w: keys of %d and %d bytes, the hash has %d", command.ErrInvalidCredential,
			len(credential.StoredKey), len(credential.ServerKey), hashBytes)
	case len(credential.Salt) == 0 || credential.Iterations < 1:
		return fmt.Errorf("%w: salt of %d bytes, %d iterations", command.ErrInvalidCredential, len(credential.Salt), credential.Iterations)
	case len(credential.User) > UserNameBytesMax:
		return limitError("bytes of a user's name", len(credential.User), UserNameBytesMax)
	case len(credential.Salt) > SaltBytesMax:
		return limitError("bytes of a salt", len(credential.Salt), SaltBytesMax)
	case credential.Iterations > ScramIterationsMax:
		return limitError("iterations", int(credential.Iterations), ScramIterationsMax)
	}
	return nil
}

func encodeCredential(dst []byte, credential *command.ScramCredential) []byte {
	dst = append(dst, valueVersion)
	dst = binary.AppendUvarint(dst, uint64(credential.Iterations))
	dst = appendString(dst, credential.Salt)
	dst = appendString(dst, credential.StoredKey)
	return appendString(dst, credential.ServerKey)
}

// decodeCredential reads all but the user and the mechanism, which are in the key.
func decodeCredential(value []byte) (credential command.ScramCredential, err error) {
	r := readValue(value)
	credential.Iterations = int32(r.uint())
	credential.Salt = []byte(r.string())
	credential.StoredKey = []byte(r.string())
	credential.ServerKey = []byte(r.string())
	return credential, r.end("credential")
}

func (im *image) loadCredential(key, value []byte) error {
	credential, err := decodeCredential(value)
	if err != nil {
		return err
	}
	user, mechanism, err := keys.ParseCredential(key)
	credential.User, credential.Mechanism = user, command.ScramMechanism(mechanism)
	im.credentials[credential.ScramUser] = credential
	return err
}

// ScramCredential is what is kept of a user's password for a mechanism. Nobody
// writes into it.
func (s *Store) ScramCredential(user command.ScramUser) (credential command.ScramCredential, exists bool) {
	s.view(func(im *image) { credential, exists = im.credentials[user] })
	return credential, exists
}

// ScramCredentials are all credentials, by user and mechanism.
func (s *Store) ScramCredentials() []command.ScramCredential {
	var all []command.ScramCredential
	s.view(func(im *image) {
		all = make([]command.ScramCredential, 0, len(im.credentials))
		for _, credential := range im.credentials {
			all = append(all, credential)
		}
	})
	slices.SortFunc(all, func(a, b command.ScramCredential) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Mechanism, b.Mechanism))
	})
	return all
}
