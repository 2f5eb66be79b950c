package principal

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
)

// keywords are the types of attributes that RFC 2253 has words for. Others are
// written as numbers.
var keywords = map[string]string{
	"2.5.4.3":                    "CN",
	"2.5.4.6":                    "C",
	"2.5.4.7":                    "L",
	"2.5.4.8":                    "ST",
	"2.5.4.9":                    "STREET",
	"2.5.4.10":                   "O",
	"2.5.4.11":                   "OU",
	"0.9.2342.19200300.100.1.25": "DC",
	"0.9.2342.19200300.100.1.1":  "UID",
}

// DistinguishedName writes the subject of a certificate (its DER, RawSubject) as
// RFC 2253 has it: the last part first, special characters with a backslash, types
// without a word as numbers with the value's bytes. crypto/x509/pkix has a String of
// its own, which has words for more types than Java.
func DistinguishedName(rawSubject []byte) (string, error) {
	var parts []rawAttributesSET
	rest, err := asn1.Unmarshal(rawSubject, &parts)
	if err != nil {
		return "", fmt.Errorf("subject of a certificate: %w", err)
	}
	if len(rest) > 0 {
		return "", fmt.Errorf("subject of a certificate: %d bytes left over", len(rest))
	}
	var text strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		if text.Len() > 0 {
			text.WriteByte(',')
		}
		for j, attribute := range parts[i] {
			if j > 0 {
				text.WriteByte('+')
			}
			attribute.writeTo(&text)
		}
	}
	return text.String(), nil
}

// rawAttributesSET are the attributes of one part. encoding/asn1 takes the end of the
// type's name for the word that it is a set and no sequence.
type rawAttributesSET []rawAttribute

type rawAttribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

func (a rawAttribute) writeTo(text *strings.Builder) {
	var value string
	keyword, isKnown := keywords[a.Type.String()]
	if isKnown {
		if _, err := asn1.Unmarshal(a.Value.FullBytes, &value); err != nil {
			isKnown = false
		}
	}
	if !isKnown {
		text.WriteString(a.Type.String())
		text.WriteString("=#")
		text.WriteString(hex.EncodeToString(a.Value.FullBytes))
		return
	}
	text.WriteString(keyword)
	text.WriteByte('=')
	writeEscaped(text, value)
}

func writeEscaped(text *strings.Builder, value string) {
	for i, r := range value {
		isEdge := i == 0 || i == len(value)-1
		if strings.ContainsRune(`,+"\<>;`, r) || r == '#' && i == 0 || r == ' ' && isEdge {
			text.WriteByte('\\')
		}
		text.WriteRune(r)
	}
}

// DistinguishedNameOf writes a name that is in memory.
func DistinguishedNameOf(name pkix.Name) (string, error) {
	raw, err := asn1.Marshal(name.ToRDNSequence())
	if err != nil {
		return "", err
	}
	return DistinguishedName(raw)
}
