package sasl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

const future = 4_000_000_000

var tokenTime = time.Unix(2_000_000_000, 0)

func encodeJSON(t testing.TB, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func unsigned(t testing.TB, claims any) string {
	return encodeJSON(t, map[string]any{"alg": "none"}) + "." + encodeJSON(t, claims) + "."
}

// A signer signs tokens and knows its key set.
type signer struct {
	t     testing.TB
	rsa   *rsa.PrivateKey
	ecdsa *ecdsa.PrivateKey
}

func newSigner(t testing.TB) signer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{t, rsaKey, ecdsaKey}
}

func number(n *big.Int, bytes int) string {
	return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, bytes)))
}

func (s signer) keySet() string {
	return fmt.Sprintf(`{"keys":[{"kty":"oct","k":"AAAA","kid":"symmetric"},{"kty":"RSA","use":"enc","kid":"enc","n":"x","e":"AQAB"},
		{"kty":"RSA","kid":"r1","use":"sig","alg":"RS256","n":%q,"e":"AQAB"},{"kty":"EC","kid":"e1","crv":"P-256","x":%q,"y":%q}]}`,
		number(s.rsa.N, 256), number(s.ecdsa.X, 32), number(s.ecdsa.Y, 32))
}

func (s signer) sign(header map[string]any, claims any) string {
	s.t.Helper()
	signed := encodeJSON(s.t, header) + "." + encodeJSON(s.t, claims)
	hashed := sha256.Sum256([]byte(signed))
	var signature []byte
	if header["alg"] == "ES256" {
		r, v, err := ecdsa.Sign(rand.Reader, s.ecdsa, hashed[:])
		if err != nil {
			s.t.Fatal(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	} else {
		var err error
		if signature, err = rsa.SignPKCS1v15(nil, s.rsa, crypto.SHA256, hashed[:]); err != nil {
			s.t.Fatal(err)
		}
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (s signer) rules() *TokenRules {
	keys, err := ParseKeys([]byte(s.keySet()))
	if err != nil {
		s.t.Fatal(err)
	}
	return &TokenRules{Keys: func() Keys { return keys }, Issuer: "https://issuer.example", Audiences: []string{"kont", "kafka"},
		Scopes: []string{"produce"}, ClockSkew: 30 * time.Second}
}

func TestTokensAreChecked(t *testing.T) {
	s := newSigner(t)
	rules := s.rules()
	now := tokenTime.Unix()
	good := func() map[string]any {
		return map[string]any{"sub": "alice", "exp": now + 60, "iss": "https://issuer.example", "aud": "kont", "scope": "openid produce"}
	}
	with := func(name string, value any) map[string]any {
		claims := good()
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
		return claims
	}
	rs, es := map[string]any{"alg": "RS256", "kid": "r1"}, map[string]any{"alg": "ES256", "kid": "e1"}
	for name, token := range map[string]string{
		"RS256":                s.sign(rs, good()),
		"ES256":                s.sign(es, good()),
		"no key id":            s.sign(map[string]any{"alg": "ES256"}, good()),
		"audiences":            s.sign(rs, with("aud", []string{"x", "kafka"})),
		"list of scopes":       s.sign(rs, with("scope", []string{"produce"})),
		"expired within skew":  s.sign(rs, with("exp", now-20)),
		"early within skew":    s.sign(rs, with("nbf", now+20)),
		"fraction of a second": s.sign(rs, with("exp", float64(now)+60.5)),
	} {
		if who, err := rules.Check(token, tokenTime); err != nil || who.Name != "alice" || who.ExpiresAt.IsZero() {
			t.Errorf("%s: %v, %v", name, who, err)
		}
	}
	other := newSigner(t)
	rsToken := s.sign(rs, good())
	parts := strings.Split(rsToken, ".")
	for name, token := range map[string]string{
		"":                        "",
		"two parts":               "a.b",
		"unsigned":                unsigned(t, good()),
		"signature left out":      parts[0] + "." + parts[1] + ".",
		"claims changed":          parts[0] + "." + encodeJSON(t, with("sub", "root")) + "." + parts[2],
		"another's key":           other.sign(rs, good()),
		"unknown key id":          s.sign(map[string]any{"alg": "RS256", "kid": "r2"}, good()),
		"key of the other kind":   s.sign(map[string]any{"alg": "RS256", "kid": "e1"}, good()),
		"symmetric":               s.sign(map[string]any{"alg": "HS256", "kid": "symmetric"}, good()),
		"critical extension":      s.sign(map[string]any{"alg": "RS256", "kid": "r1", "crit": []string{"b64"}}, good()),
		"expired":                 s.sign(rs, with("exp", now-31)),
		"never expires":           s.sign(rs, with("exp", nil)),
		"expiry that is a text":   s.sign(rs, with("exp", "4000000000")),
		"expiry out of range":     s.sign(rs, with("exp", 1e300)),
		"too early":               s.sign(rs, with("nbf", now+31)),
		"issued in the future":    s.sign(rs, with("iat", now+3600)),
		"another issuer":          s.sign(rs, with("iss", "https://other.example")),
		"another audience":        s.sign(rs, with("aud", []string{"x"})),
		"no audience":             s.sign(rs, with("aud", nil)),
		"a part of a scope":       s.sign(rs, with("scope", "reproduce produced")),
		"no subject":              s.sign(rs, with("sub", nil)),
		"subject that is no text": s.sign(rs, with("sub", 5)),
		"padding":                 rsToken + "=",
		"too long":                s.sign(rs, with("x", strings.Repeat("x", tokenBytesMax))),
	} {
		who, err := rules.Check(token, tokenTime)
		if !IsRefusal(err) {
			t.Errorf("%s: %v, %v", name, who, err)
		} else if len(token) > 20 && strings.Contains(err.Error(), token[:20]) {
			t.Errorf("%s: the refusal has the token in it", name)
		}
	}
	lax := &TokenRules{AllowUnsigned: true, PrincipalClaim: "email"}
	if who, err := lax.Check(unsigned(t, map[string]any{"email": "a@b", "exp": future}), tokenTime); err != nil || who.Name != "a@b" {
		t.Errorf("unsigned: %v, %v", who, err)
	}
	// Signed tokens are not taken at their word: somebody forgot to name the keys.
	if _, err := lax.Check(rsToken, tokenTime); err == nil {
		t.Error("a signature that nobody checked passes")
	}
}

func TestKeySetsThatAreNoneAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":   "keys",
		"empty":     `{"keys":[]}`,
		"no use":    `{"keys":[{"kty":"oct"}]}`,
		"short RSA": `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`,
		"even RSA":  `{"keys":[{"kty":"RSA","n":"` + number(new(big.Int).Lsh(big.NewInt(1), 2047), 256) + `","e":"Ag"}]}`,
		"off curve": `{"keys":[{"kty":"EC","crv":"P-256","x":"` + number(big.NewInt(1), 32) + `","y":"` + number(big.NewInt(1), 32) + `"}]}`,
		"short EC":  `{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}]}`,
	} {
		if keys, err := ParseKeys([]byte(text)); err == nil {
			t.Errorf("%s: %v", name, keys)
		}
	}
}

func FuzzToken(f *testing.F) {
	s := newSigner(f)
	rules := s.rules()
	f.Add(s.sign(map[string]any{"alg": "RS256", "kid": "r1"}, map[string]any{"sub": "alice"}))
	f.Add(unsigned(f, map[string]any{"sub": "alice", "exp": future}))
	f.Fuzz(func(t *testing.T, token string) {
		if who, err := rules.Check(token, tokenTime); err == nil {
			t.Errorf("%q lets %v in", token, who)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte(newSigner(f).keySet()))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = ParseKeys(data) })
}

// Where unsigned tokens are taken, a signed one is not taken unread; and what is signed is all of a token.
func TestTokensOfAnOddFormAreRefused(t *testing.T) {
	s := newSigner(t)
	claims := map[string]any{"sub": "alice", "exp": tokenTime.Unix() + 60}
	unsignedRules, rules := &TokenRules{AllowUnsigned: true}, s.rules()
	rules.Issuer, rules.Audiences, rules.Scopes = "", nil, nil
	es := map[string]any{"alg": "ES256", "kid": "e1"}
	signature := func(text string) string {
		token := s.sign(es, claims)
		return token[:strings.LastIndex(token, ".")+1] + text
	}
	body := encodeJSON(t, claims)
	twice := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"alice","exp":2000000060} {"sub":"bob"}`))
	for name, test := range map[string]struct {
		rules *TokenRules
		token string
		want  bool
	}{
		"unsigned":                    {unsignedRules, unsigned(t, claims), true},
		"unsigned, with a signature":  {unsignedRules, unsigned(t, claims) + "AAAA", false},
		"unsigned, says RS256":        {unsignedRules, encodeJSON(t, map[string]any{"alg": "RS256"}) + "." + body + ".", false},
		"unsigned, without algorithm": {unsignedRules, encodeJSON(t, map[string]any{}) + "." + body + ".", false},
		"unsigned, of nobody":         {unsignedRules, unsigned(t, map[string]any{"sub": "", "exp": tokenTime.Unix() + 60}), false},
		"unsigned, two objects":       {unsignedRules, encodeJSON(t, map[string]any{"alg": "none"}) + "." + twice + ".", false},
		"signed":                      {rules, s.sign(es, claims), true},
		"signed, half a signature":    {rules, signature(strings.Repeat("A", 43)), false},
		"signed, a byte of it":        {rules, signature("AA"), false},
		"signed, and more":            {rules, s.sign(es, claims) + "AAAA", false},
	} {
		if who, err := test.rules.Check(test.token, tokenTime); (err == nil) != test.want || err != nil && !IsRefusal(err) {
			t.Errorf("%s: %v, error %v", name, who, err)
		}
	}
}

func TestKeysForOtherAlgorithmsAreNotUsed(t *testing.T) {
	s := newSigner(t)
	set := func(algorithm, exponent string) string {
		return fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"r1","alg":%q,"n":%q,"e":%q}]}`, algorithm, number(s.rsa.N, 256), exponent)
	}
	for name, text := range map[string]string{"PS256": set("PS256", "AQAB"), "RS512": set("RS512", "AQAB"), "an even exponent": set("RS256", "AQAA"), "one": set("RS256", "AQ")} {
		if keys, err := ParseKeys([]byte(text)); err == nil {
			t.Errorf("%s: %v is used", name, keys)
		}
	}
	if _, err := ParseKeys([]byte(set("RS256", "AQAB"))); err != nil {
		t.Error(err)
	}
}
