package principal

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"
)

// The names are as Java's X500Principal prints them, which is what ACLs of a Kafka
// cluster have.
func TestDistinguishedNamesAreJavas(t *testing.T) {
	email := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	for _, test := range []struct {
		name pkix.Name
		want string
	}{
		{pkix.Name{CommonName: "kafka1", OrganizationalUnit: []string{"Eng"}, Organization: []string{"Example"}, Locality: []string{"Bern"},
			Province: []string{"BE"}, Country: []string{"CH"}}, "CN=kafka1,OU=Eng,O=Example,L=Bern,ST=BE,C=CH"},
		{pkix.Name{CommonName: `a, b + "c"`}, `CN=a\, b \+ \"c\"`},
		{pkix.Name{CommonName: " #x "}, `CN=\ #x\ `},
		{pkix.Name{CommonName: "#x;<y>"}, `CN=\#x\;\<y\>`},
		{pkix.Name{CommonName: "Zoë"}, "CN=Zoë"},
		{pkix.Name{CommonName: "a", ExtraNames: []pkix.AttributeTypeAndValue{{Type: email, Value: "a@b"}}}, "1.2.840.113549.1.9.1=#0c03614062"},
		{pkix.Name{}, ""},
	} {
		got, err := DistinguishedNameOf(test.name)
		if err != nil || !strings.Contains(got, test.want) || len(test.name.ExtraNames) == 0 && got != test.want {
			t.Errorf("got %q, %v, want %q", got, err, test.want)
		}
	}
	if _, err := DistinguishedName([]byte{0x30, 0x05, 1}); err == nil {
		t.Error("a subject that is cut short passes")
	}
}

// The cases are those of KIP-371.
func TestRulesMapNames(t *testing.T) {
	rules := strings.Join([]string{
		`RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/`,
		`RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L`,
		` RULE:^cn=(.*?),ou=(.*?),dc=(.*?),dc=(.*?)$/$1@$2/U `,
		`RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/L`, `DEFAULT`}, ",")
	for name, want := range map[string]string{
		"CN=duke,OU=ServiceUsers,O=Org,C=US":                  "duke",
		"CN=duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US":           "duke@sme",
		"cn=duke,ou=sme,dc=mycp,dc=com":                       "DUKE@SME",
		"OU=JavaSoft,CN=Duke.1":                               "duke.1",
		"O=nobody":                                            "O=nobody",
		"CN=duke,OU=JavaSoft,O=Sun Microsystems,L=a,ST=b,C=c": "duke@javasoft",
	} {
		parsed, err := ParseRules(rules)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsed.Name(name); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	strict, err := ParseRules(`RULE:^CN=(\w+)$/$1/`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strict.Name("CN=a,O=b"); !errors.Is(err, ErrNoRule) {
		t.Errorf("error %v, want ErrNoRule", err)
	}
	// A pattern is for the whole name, whether it says so or not: whoever can choose a part of his subject would else be whom he likes.
	whole, err := ParseRules(`RULE:CN=(\w+)|CN=(\w+),OU=a/$1$2/`)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"CN=admin,O=b", "O=b,CN=admin", "CN=admin,OU=ab", "CN=admin\n"} {
		if got, err := whole.Name(name); !errors.Is(err, ErrNoRule) {
			t.Errorf("%q is %q, error %v", name, got, err)
		}
	}
	if got, err := whole.Name("CN=admin,OU=a"); got != "admin" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if name, err := Rules(nil).Name("CN=a"); name != "CN=a" || err != nil {
		t.Errorf("no rules: %q, %v", name, err)
	}
}

// A backslash is for the pattern in the pattern, where \/ is a slash, and for the next
// character in the replacement; the rest of a replacement is as Java reads it too.
func TestRulesEscapeAsJavas(t *testing.T) {
	for _, test := range []struct{ rule, name, want string }{
		{`RULE:^CN=host\/(\w+)$/$1/`, "CN=host/a", "a"},
		{`RULE:^CN=(\w+)$/svc\/$1/`, "CN=a", "svc/a"},
		{`RULE:^CN=(\w+)\/(\w+)$/$2\/$1/U,DEFAULT`, "CN=a/b", "B/A"},
		{`RULE:^CN=(.*)\\/$1\\x/`, `CN=a\`, `a\x`}, // a backslash before the backslash: the slash ends its part
		{`RULE:^CN=(\w+)$/\$1\a\é$1/`, "CN=a", "$1aéa"},
		{`RULE:^CN=(\w+)$/$12/`, "CN=a", "a2"},
		{`RULE:^CN=(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)$/$10$1x/`, "CN=abcdefghij", "jax"},
		{`RULE:^CN=(\w+)$/$01x$0/`, "CN=a", "axCN=a"},
		{`RULE:^CN=(?<who>\w+)$/${who}x/`, "CN=a", "ax"},
	} {
		rules, err := ParseRules(test.rule)
		if err != nil {
			t.Errorf("%s: %v", test.rule, err)
			continue
		}
		if got, err := rules.Name(test.name); err != nil || got != test.want {
			t.Errorf("%s: %s is %q, %v, want %q", test.rule, test.name, got, err, test.want)
		}
	}
}

func TestRulesThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{"RULE:", "RULE:a/b", "RULE:a/b/X", "DEFAULT RULE:a/b/", "default", "RULE:(/b/", "RULE:a/$1/", "RULE:(a)/$2/",
		"RULE:(?=a)/b/", "RULE:a/b/LU", `RULE:a\/b/`, `RULE:a/b\/`, `RULE:a/b/\`, "RULE:(a)/$b/", "RULE:(a)/b$/", "RULE:(a)/${b}/", "RULE:(a)/${1}/"} {
		if rules, err := ParseRules(text); err == nil {
			t.Errorf("%q is read as %v", text, rules)
		}
	}
}

func FuzzRules(f *testing.F) {
	f.Add("RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L,DEFAULT", "CN=a,OU=ServiceUsers")
	f.Fuzz(func(_ *testing.T, text, name string) {
		if rules, err := ParseRules(text); err == nil {
			_, _ = rules.Name(name)
		}
	})
}

func FuzzDistinguishedName(f *testing.F) {
	raw, err := asn1.Marshal(pkix.Name{CommonName: "a", Country: []string{"CH"}}.ToRDNSequence())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = DistinguishedName(raw) })
}
