package sasl

import (
	"bytes"
	"regexp"
	"strings"
	"time"
)

// OAuthBearer is OAUTHBEARER (RFC 7628, KIP-255): the client sends a token that somebody
// else has signed.
//
//	client  n,,^Aauth=Bearer TOKEN^Aextension=value^A^A
//	server  nothing, or {"status":"invalid_token"}
//	client  ^A, after which it is refused
func OAuthBearer(rules *TokenRules) Mechanism { return oauthBearer{rules} }

type oauthBearer struct{ rules *TokenRules }

func (oauthBearer) Name() string      { return "OAUTHBEARER" }
func (m oauthBearer) Begin() Exchange { return &oauthExchange{rules: m.rules, now: time.Now} }

type oauthExchange struct {
	rules *TokenRules
	now   func() time.Time
	// refusal is kept until the client has taken note of the status.
	refusal error
	isOver  bool
}

const controlA = "\x01"

func (e *oauthExchange) Next(message []byte) ([]byte, *Identity, error) {
	if e.refusal != nil || e.isOver {
		if e.refusal == nil {
			e.refusal = errOver
		}
		return nil, nil, e.refusal
	}
	token, as, err := parseBearer(message)
	if err != nil {
		return nil, nil, err
	}
	who, err := e.rules.Check(token, e.now())
	if err == nil && as != "" && as != who.Name {
		err = &Refusal{"Authentication failed: Client requested an authorization id that is different from the token's principal name"}
	}
	if err != nil {
		e.refusal = err
		return []byte(`{"status":"invalid_token"}`), nil, err
	}
	e.isOver = true
	return nil, &who, nil
}

// extensionKey is what KIP-342 allows.
var extensionKey = regexp.MustCompile(`^[A-Za-z]+$`)

func parseBearer(message []byte) (token, as string, err error) {
	header, rest, found := bytes.Cut(message, []byte(controlA))
	pairs, isEnded := strings.CutSuffix(string(rest), controlA+controlA)
	parts := strings.Split(string(header), ",")
	if !found || !isEnded || len(parts) != 3 || parts[0] != "n" && parts[0] != "y" || parts[2] != "" {
		return "", "", errMessage
	}
	if parts[1] != "" {
		escaped, isAs := strings.CutPrefix(parts[1], "a=")
		if !isAs {
			return "", "", errMessage
		}
		if as, err = unescapeName(escaped); err != nil {
			return "", "", err
		}
	}
	for pair := range strings.SplitSeq(pairs, controlA) {
		key, value, isPair := strings.Cut(pair, "=")
		if !isPair || !extensionKey.MatchString(key) {
			return "", "", errMessage
		}
		if key != "auth" {
			continue
		}
		scheme, bearer, _ := strings.Cut(value, " ")
		if token != "" || !strings.EqualFold(scheme, "bearer") || strings.TrimSpace(bearer) == "" {
			return "", "", errMessage
		}
		token = strings.TrimSpace(bearer)
	}
	if token == "" {
		return "", "", errMessage
	}
	return token, as, nil
}
