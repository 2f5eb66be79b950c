package kafkacompattest

import (
	"cmp"
	"fmt"
	"slices"

	"kont/statemachine/command"
)

func (l *Log) createACLs(c command.CreateACLs) []error {
	list := slices.Clone(l.aclList())
	for _, acl := range c.ACLs {
		if !slices.Contains(list, acl) {
			list = append(list, acl)
		}
	}
	slices.SortFunc(list, func(a, b command.ACL) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	l.acls = &command.ACLs{List: list}
	return make([]error, len(c.ACLs))
}

func (l *Log) deleteACLs(c command.DeleteACLs) []error {
	list := slices.Clone(l.aclList())
	errs := make([]error, len(c.ACLs))
	for i, acl := range c.ACLs {
		if at := slices.Index(list, acl); at < 0 {
			errs[i] = command.ErrUnknownACL
		} else {
			list = slices.Delete(list, at, at+1)
		}
	}
	l.acls = &command.ACLs{List: list}
	return errs
}

func (l *Log) aclList() []command.ACL {
	if l.acls == nil {
		l.acls = &command.ACLs{}
	}
	return l.acls.List
}

func (l *Log) alterCredentials(c command.AlterScramCredentials) []error {
	errs := make([]error, len(c.Deletions)+len(c.Upserts))
	if c.IfNone && len(l.credentials) > 0 {
		return errs
	}
	for i, user := range c.Deletions {
		if _, exists := l.credentials[user]; !exists {
			errs[i] = command.ErrUnknownCredential
		}
		delete(l.credentials, user)
	}
	if l.credentials == nil {
		l.credentials = make(map[command.ScramUser]command.ScramCredential)
	}
	for _, credential := range c.Upserts {
		l.credentials[credential.ScramUser] = credential
	}
	return errs
}

// ACLs are all that were created and not deleted.
func (l *Log) ACLs() *command.ACLs {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.aclList()
	return l.acls
}

// ScramCredential is the one of a user for a mechanism.
func (l *Log) ScramCredential(user command.ScramUser) (command.ScramCredential, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	credential, exists := l.credentials[user]
	return credential, exists
}

// ScramCredentials are all of them, sorted.
func (l *Log) ScramCredentials() []command.ScramCredential {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]command.ScramCredential, 0, len(l.credentials))
	for _, credential := range l.credentials {
		all = append(all, credential)
	}
	slices.SortFunc(all, func(a, b command.ScramCredential) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Mechanism, b.Mechanism))
	})
	return all
}
