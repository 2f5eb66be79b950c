package command

// ACL lets a principal do something with resources from a host, or keeps it from
// it. The numbers are Kafka's (org.apache.kafka.common.acl and resource). An ACL
// has no more identity than its fields: the same one twice is one.
type ACL struct {
	// ResourceType is 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation
	// token, 7 user.
	ResourceType int8 `cbor:"1,keyasint"`
	// Pattern is 3 literal, 4 prefixed.
	Pattern int8   `cbor:"2,keyasint"`
	Name    string `cbor:"3,keyasint"`
	// Principal is such as User:alice.
	Principal string `cbor:"4,keyasint"`
	// Host is an address, or * for any.
	Host      string `cbor:"5,keyasint"`
	Operation int8   `cbor:"6,keyasint"`
	// Permission is 2 deny, 3 allow.
	Permission int8 `cbor:"7,keyasint"`
}

// ACLs is the list of all ACLs of a moment, sorted. Nobody writes into it, and as
// long as nothing changes it stays the same one, so that what was made of it can be
// kept by its pointer.
type ACLs struct{ List []ACL }

// CreateACLs adds ACLs. Its result is []error, one per ACL in order: nil, also where
// it was there already, ErrInvalidACL or ErrLimit.
type CreateACLs struct {
	ACLs []ACL `cbor:"1,keyasint"`
}

// DeleteACLs removes ACLs. Its result is []error, one per ACL in order: nil or
// ErrUnknownACL.
type DeleteACLs struct {
	ACLs []ACL `cbor:"1,keyasint"`
}

// ScramMechanism is SCRAM with a hash, by Kafka's number.
type ScramMechanism int8

// The mechanisms.
const (
	ScramSHA256 ScramMechanism = 1
	ScramSHA512 ScramMechanism = 2
)

// ScramUser names a credential: a user has one for each mechanism at most.
type ScramUser struct {
	User      string         `cbor:"1,keyasint"`
	Mechanism ScramMechanism `cbor:"2,keyasint"`
}

// ScramCredential is what a server has to know of a password to check it (RFC 5802).
// Who has it can't log in with it, but can guess passwords, so it is shown to nobody.
type ScramCredential struct {
	ScramUser
	Iterations int32  `cbor:"3,keyasint"`
	Salt       []byte `cbor:"4,keyasint"`
	StoredKey  []byte `cbor:"5,keyasint"`
	ServerKey  []byte `cbor:"6,keyasint"`
}

// String leaves the secrets out, wherever it is printed.
func (c ScramCredential) String() string { return "credential of " + c.User }

// GoString is String.
func (c ScramCredential) GoString() string { return c.String() }

// AlterScramCredentials deletes credentials and then sets others, in place of those
// that are there. Its result is []error, one per deletion and then one per upsert:
// nil, ErrUnknownCredential, ErrInvalidCredential or ErrLimit.
type AlterScramCredentials struct {
	Deletions []ScramUser       `cbor:"1,keyasint"`
	Upserts   []ScramCredential `cbor:"2,keyasint"`
	// IfNone does nothing, with nil for every error, if there is any credential
	// already: the first users are made once.
	IfNone bool `cbor:"3,keyasint,omitempty"`
}

func (CreateACLs) Kind() Kind            { return KindCreateACLs }
func (DeleteACLs) Kind() Kind            { return KindDeleteACLs }
func (AlterScramCredentials) Kind() Kind { return KindAlterScramCredentials }
