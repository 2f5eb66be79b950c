package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kont/kafkacompat/sasl"
	"kont/statemachine"
	"kont/statemachine/command"
)

const (
	// usersFileBytesMax bounds the file of the first users.
	usersFileBytesMax = 1 << 20
	scramSecretBytes  = 32
)

// firstUser is a line of the file of the first users.
type firstUser struct{ name, password string }

// readFirstUsers reads a file of lines NAME:PASSWORD. Empty ones and those that begin
// with # say nothing. A file that others may read is refused: somebody would have.
func readFirstUsers(path string) ([]firstUser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s holds passwords and others than its owner may read or write it (%v); `chmod 600 %s`", path, info.Mode().Perm(), path)
	}
	if info.Size() > usersFileBytesMax {
		return nil, fmt.Errorf("%s: %d bytes, at most %d", path, info.Size(), usersFileBytesMax)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var users []firstUser
	var problems []error
	lines := map[string]int{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		// No line is repeated in an error.
		name, password, hasColon := strings.Cut(line, ":")
		switch {
		case !hasColon || name == "" || password == "":
			problems = append(problems, fmt.Errorf("%s:%d: not NAME:PASSWORD", path, i+1))
		case len(name) > statemachine.UserNameBytesMax:
			problems = append(problems, fmt.Errorf("%s:%d: name of %d bytes, at most %d", path, i+1, len(name), statemachine.UserNameBytesMax))
		case lines[name] > 0:
			problems = append(problems, fmt.Errorf("%s:%d: user %s is on line %d already", path, i+1, name, lines[name]))
		default:
			lines[name] = i + 1
			users = append(users, firstUser{name, password})
		}
	}
	return users, errors.Join(problems...)
}

// checkFirstUsers finds what is wrong with the file before anything is written.
func (n *Node) checkFirstUsers() error {
	if n.config.ScramUsers == "" {
		return nil
	}
	if _, err := readFirstUsers(n.config.ScramUsers); err != nil {
		return fmt.Errorf("scram-users: %w", err)
	}
	return nil
}

// makeFirstUsers gives users of the file credentials, if nobody has any yet. Later the
// file says nothing: a user who is deleted stays deleted, whoever is left in a file.
func (n *Node) makeFirstUsers(ctx context.Context) error {
	if n.config.ScramUsers == "" {
		return nil
	}
	if known := len(n.store.ScramCredentials()); known > 0 {
		n.logger.Info("the first users are there already; nothing is taken from their file", "file", n.config.ScramUsers, "credentials", known)
		return nil
	}
	users, err := readFirstUsers(n.config.ScramUsers)
	if err != nil {
		return err
	}
	proposed := command.AlterScramCredentials{IfNone: true}
	for _, user := range users {
		for _, mechanism := range []command.ScramMechanism{command.ScramSHA256, command.ScramSHA512} {
			credential, err := sasl.NewCredential(command.ScramUser{User: user.name, Mechanism: mechanism}, user.password, sasl.IterationsMin)
			if err != nil {
				return err
			}
			proposed.Upserts = append(proposed.Upserts, credential)
		}
	}
	result, err := n.proposer.Propose(ctx, proposed)
	if errs, isErrs := result.([]error); isErrs {
		err = errors.Join(append(errs, err)...)
	}
	if err == nil {
		n.logger.Info("first users are made", "file", n.config.ScramUsers, "users", len(users))
	}
	return err
}

const scramSecretFile = "scram-secret"

func readScramSecret(dir string) ([]byte, error) {
	path := filepath.Join(dir, scramSecretFile)
	secret, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(secret) != scramSecretBytes {
		return nil, fmt.Errorf("%s is damaged: %d bytes, not %d; remove it, and a new one is made", path, len(secret), scramSecretBytes)
	}
	return secret, nil
}

// loadScramSecret reads what the salts of unknown users are made with, or makes it at
// the first start. It has to stay: a salt that changes with a restart is one of a user
// who isn't there.
func loadScramSecret(dir string) ([]byte, error) {
	secret, err := readScramSecret(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	path := filepath.Join(dir, scramSecretFile)
	secret = make([]byte, scramSecretBytes)
	rand.Read(secret) // never fails
	file, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.Write(secret)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err == nil {
		err = syncDir(vfs.Default, dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(file.Name()))
	}
	return secret, nil
}
