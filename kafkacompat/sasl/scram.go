package sasl

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"unicode/utf8"

	"kont/statemachine/command"
)

// Scram is SCRAM (RFC 5802, RFC 7677) without channel binding: the client shows that it
// knows the password and sends nothing that is worth stealing.
//
//	client  n,,n=user,r=nonce
//	server  r=nonce+more,s=salt,i=iterations
//	client  c=biws,r=nonce+more,p=proof
//	server  v=signature
//
// Names and passwords are taken as they come, without SASLprep, as by a Kafka broker.
// Delegation tokens (KIP-48) are refused.
func Scram(mechanism command.ScramMechanism, credentials Credentials, secret []byte) Mechanism {
	return scram{mechanism, credentials, standIns{secret}}
}

type scram struct {
	mechanism   command.ScramMechanism
	credentials Credentials
	standIns    standIns
}

func (s scram) Name() string {
	if s.mechanism == command.ScramSHA512 {
		return "SCRAM-SHA-512"
	}
	return "SCRAM-SHA-256"
}

func (s scram) Begin() Exchange { return &scramExchange{scram: s} }

type scramExchange struct {
	scram
	// round is how many messages have come.
	round int
	first clientFirst
	reply string
	// nonce is our half.
	nonce      string
	credential command.ScramCredential
	isKnown    bool
}

func (e *scramExchange) Next(message []byte) ([]byte, *Identity, error) {
	e.round++
	switch e.round {
	case 1:
		answer, err := e.begin(string(message))
		return answer, nil, err
	case 2:
		return e.finish(string(message))
	default:
		return nil, nil, errOver
	}
}

func (e *scramExchange) refused() error {
	return &Refusal{"Authentication failed during authentication due to invalid credentials with SASL mechanism " + e.Name()}
}

func (e *scramExchange) begin(message string) ([]byte, error) {
	var err error
	if e.first, err = parseClientFirst(message); err != nil {
		return nil, err
	}
	user := command.ScramUser{User: e.first.user, Mechanism: e.mechanism}
	// The stand-in is made for everybody, so that it takes the same time.
	e.credential = e.standIns.credential(user)
	if known, exists := e.credentials.ScramCredential(user); exists {
		e.credential, e.isKnown = known, true
	}
	e.nonce = rand.Text()
	e.reply = fmt.Sprintf("r=%s,s=%s,i=%d", e.first.nonce+e.nonce, base64.StdEncoding.EncodeToString(e.credential.Salt), e.credential.Iterations)
	return []byte(e.reply), nil
}

func (e *scramExchange) finish(message string) ([]byte, *Identity, error) {
	last, err := parseClientFinal(message)
	if err != nil {
		return nil, nil, err
	}
	newHash, err := hashOf(e.mechanism)
	if err != nil {
		return nil, nil, err
	}
	// franz-go says n,, here whatever its header was. Nothing is lost: there is no
	// channel that is bound to, and whom a client wants to be is compared below.
	//
	// librdkafka (2.0) says its own nonce twice. Ours at the end is what shows that the
	// proof was made now, and all that a Kafka broker looks at.
	if last.binding != e.first.header && last.binding != "n,," || !strings.HasSuffix(last.nonce, e.nonce) {
		return nil, nil, errMessage
	}
	signed := e.first.bare + "," + e.reply + "," + last.withoutProof
	isRight := proves(newHash, last.proof, e.credential.StoredKey, signed)
	if !e.isKnown || !isRight || e.first.as != "" && e.first.as != e.first.user {
		return nil, nil, e.refused()
	}
	signature := base64.StdEncoding.EncodeToString(sum(newHash, e.credential.ServerKey, signed))
	return []byte("v=" + signature), &Identity{Name: e.first.user}, nil
}

// proves tells whether a proof was made by somebody who knows the password. The proof
// is the client's key, which has the stored key for its hash, under the signature.
func proves(newHash func() hash.Hash, proof, storedKey []byte, signed string) bool {
	signature := sum(newHash, storedKey, signed)
	if len(proof) != len(signature) {
		return false
	}
	clientKey := make([]byte, len(proof))
	subtle.XORBytes(clientKey, proof, signature)
	return subtle.ConstantTimeCompare(digest(newHash, clientKey), storedKey) == 1
}

// clientFirst is what stands in a client's first message.
type clientFirst struct {
	// header is the GS2 header, bare all that follows it.
	header, bare string
	// as is whom the client wants to be, empty for the user.
	as          string
	user, nonce string
}

func parseClientFirst(message string) (f clientFirst, err error) {
	if !utf8.ValidString(message) {
		return f, errMessage
	}
	parts := strings.SplitN(message, ",", 3)
	// y says that the client could bind to the channel and takes us for a server
	// that can't, which is so. p would bind.
	if len(parts) != 3 || parts[0] != "n" && parts[0] != "y" {
		return f, errMessage
	}
	f.header, f.bare = parts[0]+","+parts[1]+",", parts[2]
	if parts[1] != "" {
		as, isAs := strings.CutPrefix(parts[1], "a=")
		if !isAs {
			return f, errMessage
		}
		if f.as, err = unescapeName(as); err != nil {
			return f, err
		}
	}
	fields := strings.Split(f.bare, ",")
	if len(fields) < 2 {
		return f, errMessage
	}
	name, isName := strings.CutPrefix(fields[0], "n=")
	nonce, isNonce := strings.CutPrefix(fields[1], "r=")
	if !isName || !isNonce || !isPrintable(nonce) {
		return f, errMessage
	}
	for _, extension := range fields[2:] {
		if extension == "tokenauth=true" {
			return f, &Refusal{"Authentication failed: Delegation tokens are not supported"}
		}
		if len(extension) < 2 || !strings.Contains(extension, "=") {
			return f, errMessage
		}
	}
	f.nonce = nonce
	f.user, err = unescapeName(name)
	return f, err
}

// unescapeName undoes what a name's commas and equals signs are written as.
func unescapeName(text string) (string, error) {
	name := strings.NewReplacer("=2C", ",", "=3D", "=").Replace(text)
	if text == "" || strings.Count(text, "=") != strings.Count(text, "=2C")+strings.Count(text, "=3D") {
		return "", errMessage
	}
	return name, nil
}

func isPrintable(nonce string) bool {
	for i := range len(nonce) {
		if nonce[i] < 0x21 || nonce[i] > 0x7e || nonce[i] == ',' {
			return false
		}
	}
	return nonce != ""
}

// clientFinal is what stands in a client's last message.
type clientFinal struct {
	withoutProof string
	// binding is the GS2 header again.
	binding, nonce string
	proof          []byte
}

func parseClientFinal(message string) (f clientFinal, err error) {
	at := strings.LastIndex(message, ",p=")
	if at < 0 {
		return f, errMessage
	}
	f.withoutProof = message[:at]
	fields := strings.Split(f.withoutProof, ",")
	if len(fields) < 2 {
		return f, errMessage
	}
	encoded, isBinding := strings.CutPrefix(fields[0], "c=")
	nonce, isNonce := strings.CutPrefix(fields[1], "r=")
	binding, bindingErr := base64.StdEncoding.DecodeString(encoded)
	proof, proofErr := base64.StdEncoding.DecodeString(message[at+3:])
	if !isBinding || !isNonce || bindingErr != nil || proofErr != nil {
		return f, errMessage
	}
	f.binding, f.nonce, f.proof = string(binding), nonce, proof
	return f, nil
}
