package sasl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// Keys are what tokens may be signed with: those of a JSON web key set (RFC 7517).
type Keys struct{ list []key }

type key struct {
	id string
	// algorithm is the one that the key is used with. A token can't choose another.
	algorithm string
	public    crypto.PublicKey
}

const (
	keysMax    = 100
	rsaBitsMin = 2048
	rsaBitsMax = 8192
)

type webKey struct {
	Kind      string `json:"kty"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
	Modulus   string `json:"n"`
	Exponent  string `json:"e"`
}

// ParseKeys reads a key set. Keys that are not for signatures with RS256 or ES256 are
// passed over; that none is left is an error.
func ParseKeys(data []byte) (Keys, error) {
	var set struct {
		Keys []webKey `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return Keys{}, fmt.Errorf("JSON web key set: %w", err)
	}
	if len(set.Keys) > keysMax {
		return Keys{}, fmt.Errorf("JSON web key set: %d keys, at most %d", len(set.Keys), keysMax)
	}
	var keys Keys
	for i, web := range set.Keys {
		if web.Use != "" && web.Use != "sig" {
			continue
		}
		var made key
		var err error
		switch {
		case web.Kind == "RSA" && (web.Algorithm == "" || web.Algorithm == algorithmRS256):
			made.algorithm = algorithmRS256
			made.public, err = web.rsaKey()
		case web.Kind == "EC" && web.Curve == "P-256" && (web.Algorithm == "" || web.Algorithm == algorithmES256):
			made.algorithm = algorithmES256
			made.public, err = web.ecdsaKey()
		default:
			continue
		}
		if err != nil {
			return Keys{}, fmt.Errorf("JSON web key set: key %d, %q: %w", i, web.ID, err)
		}
		made.id = web.ID
		keys.list = append(keys.list, made)
	}
	if len(keys.list) == 0 {
		return Keys{}, errors.New("JSON web key set: no key for RS256 or ES256")
	}
	return keys, nil
}

func (w webKey) rsaKey() (*rsa.PublicKey, error) {
	modulus, err := webNumber(w.Modulus)
	if err != nil {
		return nil, err
	}
	exponent, err := webNumber(w.Exponent)
	if err != nil {
		return nil, err
	}
	if bits := modulus.BitLen(); bits < rsaBitsMin || bits > rsaBitsMax {
		return nil, fmt.Errorf("modulus of %d bits, must be %d to %d", bits, rsaBitsMin, rsaBitsMax)
	}
	if !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > 1<<31-1 || exponent.Bit(0) == 0 {
		return nil, errors.New("exponent is not odd between 3 and 2³¹-1")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

func (w webKey) ecdsaKey() (*ecdsa.PublicKey, error) {
	x, errX := base64.RawURLEncoding.DecodeString(w.X)
	y, errY := base64.RawURLEncoding.DecodeString(w.Y)
	const half = 32
	if errX != nil || errY != nil || len(x) != half || len(y) != half {
		return nil, errors.New("coordinates are not of 32 bytes")
	}
	// The point must be on the curve.
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
}

func webNumber(text string) (*big.Int, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) == 0 {
		return nil, errors.New("number is no base64url")
	}
	return new(big.Int).SetBytes(data), nil
}
