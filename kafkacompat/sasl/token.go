package sasl

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
)

// TokenRules say which tokens are good: JSON web tokens, signed (JWS, RFC 7515) with
// RS256 or ES256.
type TokenRules struct {
	// Keys are those that tokens may be signed with. It is asked each time, so keys may
	// change. Nil where AllowUnsigned is set.
	Keys func() Keys
	// AllowUnsigned takes tokens at their word. Whoever can reach the listener is who
	// they say; for development alone.
	AllowUnsigned bool

	// Issuer is what iss must be, empty for any.
	Issuer string
	// Audiences has one at least that must be among aud, unless it is empty.
	Audiences []string
	// Scopes must all be among those of the token.
	Scopes []string
	// PrincipalClaim is the claim that has the user's name; empty for sub.
	PrincipalClaim string
	// ScopeClaim is the claim that has the scopes; empty for scope.
	ScopeClaim string
	// ClockSkew is how far the clock of the issuer may be from ours.
	ClockSkew time.Duration
}

// tokenBytesMax bounds a token.
const tokenBytesMax = 32 << 10

func tokenRefused(why string) error {
	return &Refusal{"Authentication failed: The token is not accepted: " + why}
}

// Check returns who a token is of, or a Refusal. None of it is in the refusal.
func (r *TokenRules) Check(token string, now time.Time) (Identity, error) {
	if len(token) > tokenBytesMax {
		return Identity{}, tokenRefused("it is too long")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Identity{}, tokenRefused("it has not three parts")
	}
	if err := r.checkSignature(parts); err != nil {
		return Identity{}, err
	}
	var claims map[string]any
	if err := decodeJSON(parts[1], &claims); err != nil {
		return Identity{}, tokenRefused("its claims can't be read")
	}
	return r.checkClaims(claims, now)
}

type tokenHeader struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Critical  json.RawMessage `json:"crit"`
}

func (r *TokenRules) checkSignature(parts []string) error {
	var header tokenHeader
	if err := decodeJSON(parts[0], &header); err != nil {
		return tokenRefused("its header can't be read")
	}
	// What is critical is not understood here, whatever it is.
	if header.Critical != nil {
		return tokenRefused("its header has a critical extension")
	}
	if r.AllowUnsigned {
		if header.Algorithm != "none" || parts[2] != "" {
			return tokenRefused("unsigned tokens are expected")
		}
		return nil
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(signature) == 0 {
		return tokenRefused("it is not signed")
	}
	if header.Algorithm != algorithmRS256 && header.Algorithm != algorithmES256 {
		return tokenRefused("its algorithm is neither RS256 nor ES256")
	}
	hashed := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	for _, key := range r.Keys().list {
		if key.algorithm != header.Algorithm || header.KeyID != "" && key.id != header.KeyID {
			continue
		}
		if key.verifies(hashed[:], signature) {
			return nil
		}
	}
	return tokenRefused("no known key has signed it")
}

// The algorithms, RFC 7518.
const (
	algorithmRS256 = "RS256"
	algorithmES256 = "ES256"
)

func (k key) verifies(hashed, signature []byte) bool {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, hashed, signature) == nil
	case *ecdsa.PublicKey:
		const half = 32
		if len(signature) != 2*half {
			return false
		}
		return ecdsa.Verify(public, hashed, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
	default:
		return false
	}
}

func (r *TokenRules) checkClaims(claims map[string]any, now time.Time) (Identity, error) {
	expiresAt, isThere := timeClaim(claims, "exp")
	switch {
	case !isThere:
		return Identity{}, tokenRefused("it has no time of expiry")
	case !now.Before(expiresAt.Add(r.ClockSkew)):
		return Identity{}, tokenRefused("it has expired")
	}
	for _, name := range []string{"nbf", "iat"} {
		if claims[name] == nil {
			continue
		}
		if at, isTime := timeClaim(claims, name); !isTime || at.After(now.Add(r.ClockSkew)) {
			return Identity{}, tokenRefused("it is not valid yet")
		}
	}
	if r.Issuer != "" && claims["iss"] != r.Issuer {
		return Identity{}, tokenRefused("its issuer is another")
	}
	if len(r.Audiences) > 0 && !slices.ContainsFunc(stringsClaim(claims["aud"], false), func(a string) bool { return slices.Contains(r.Audiences, a) }) {
		return Identity{}, tokenRefused("its audience is another")
	}
	scopes := stringsClaim(claims[orDefault(r.ScopeClaim, "scope")], true)
	for _, scope := range r.Scopes {
		if !slices.Contains(scopes, scope) {
			return Identity{}, tokenRefused("it lacks a scope")
		}
	}
	name, isText := claims[orDefault(r.PrincipalClaim, "sub")].(string)
	if !isText || name == "" {
		return Identity{}, tokenRefused("it names no principal")
	}
	return Identity{Name: name, ExpiresAt: expiresAt}, nil
}

func orDefault(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// timeClaim reads seconds since 1970, which may have a fraction.
func timeClaim(claims map[string]any, name string) (time.Time, bool) {
	number, isNumber := claims[name].(json.Number)
	if !isNumber {
		return time.Time{}, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds < 0 || seconds > math.MaxInt32*1000 {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

// stringsClaim reads a text or a list of texts. A text may be a list with spaces
// between.
func stringsClaim(claim any, isSpaced bool) []string {
	switch claim := claim.(type) {
	case string:
		if isSpaced {
			return strings.Fields(claim)
		}
		return []string{claim}
	case []any:
		var all []string
		for _, item := range claim {
			if text, isText := item.(string); isText {
				all = append(all, text)
			}
		}
		return all
	default:
		return nil
	}
}

// decodeJSON reads one JSON object in base64url.
func decodeJSON(encoded string, into any) error {
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errMessage
	}
	return nil
}
