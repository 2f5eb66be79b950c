package config

import (
	"strings"
	"testing"
	"time"
)

func TestListenersAreReadAsWritten(t *testing.T) {
	l, err := ParseListener("kafka+tls://0.0.0.0:9093?name=public&advertised=kont.example:9093&cert=/a&key=/b&client-ca=/c&client-auth=requested" +
		"&principal-rules=RULE:^CN=([^,]+).*$/$1/L,DEFAULT&sasl=SCRAM-SHA-256,plain&reauthenticate-after=30m")
	if err != nil {
		t.Fatal(err)
	}
	if l.Name != "public" || l.Address != "0.0.0.0:9093" || l.Advertised != "kont.example:9093" || !l.IsTLS || l.Certificate != "/a" || l.Key != "/b" ||
		l.ClientCA != "/c" || l.ClientAuth != ClientAuthRequested || l.PrincipalRules != "RULE:^CN=([^,]+).*$/$1/L,DEFAULT" ||
		strings.Join(l.SASL, " ") != "scram-sha-256 plain" || l.ReauthenticateAfter != 30*time.Minute {
		t.Errorf("%+v", l)
	}
	for url, want := range map[string]string{
		"kafka://127.0.0.1:0": "PLAINTEXT", "kafka://127.0.0.1:0?sasl=plain": "SASL_PLAINTEXT",
		"kafka+tls://127.0.0.1:0?cert=a&key=b": "SSL", "kafka+tls://127.0.0.1:0/?cert=a&key=b&sasl=plain": "SASL_SSL",
	} {
		if l, err := ParseListener(url); err != nil || l.Name != want {
			t.Errorf("%s: name %s, %v", url, l.Name, err)
		}
	}
}

func TestListenersThatCannotBeAreRefused(t *testing.T) {
	for url, want := range map[string]string{
		"127.0.0.1:9092":                                                     "begins neither",
		"http://127.0.0.1:9092":                                              "begins neither",
		"kafka://127.0.0.1":                                                  "not host:port",
		"kafka://127.0.0.1:1?colour=blue":                                    "colour: no such setting",
		"kafka://127.0.0.1:1?name=a&name=b":                                  "name: set twice",
		"kafka://127.0.0.1:1?name=a%2Fb":                                     "slashes",
		"kafka://127.0.0.1:1?name=%zz":                                       "invalid URL escape",
		"kafka://0.0.0.0:1":                                                  "advertised: missing",
		"kafka://127.0.0.1:1?advertised=0.0.0.0:1":                           "no address to connect to",
		"kafka://127.0.0.1:1?cert=a&key=b":                                   "write kafka+tls://",
		"kafka+tls://127.0.0.1:1?cert=a":                                     "cert and key: missing",
		"kafka+tls://127.0.0.1:1?cert=a&key=b&client-auth=required":          "one without the other",
		"kafka+tls://127.0.0.1:1?cert=a&key=b&client-ca=c":                   "one without the other",
		"kafka+tls://127.0.0.1:1?cert=a&key=b&client-ca=c&client-auth=maybe": "is none of",
		"kafka+tls://127.0.0.1:1?cert=a&key=b&principal-rules=CN":            "principal-rules",
		"kafka://127.0.0.1:1?sasl=gssapi":                                    "is none of",
		"kafka://127.0.0.1:1?sasl=plain,plain":                               "twice",
		"kafka://127.0.0.1:1?reauthenticate-after=1h":                        "don't log in",
		"kafka://127.0.0.1:1?sasl=plain&reauthenticate-after=1ms":            "less than 1s",
	} {
		if _, err := ParseListener(url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v lacks %q", url, err, want)
		}
	}
}

func TestListenersForStrangersAskWhoIsThere(t *testing.T) {
	const out, advertised = "192.0.2.1:9092", "&advertised=kont.example:9092"
	for url, want := range map[string]string{
		"kafka://" + out:                       "nobody has to log in",
		"kafka+tls://" + out + "?cert=a&key=b": "nobody has to log in",
		"kafka+tls://" + out + "?cert=a&key=b&client-ca=c&client-auth=requested":          "nobody has to log in",
		"kafka://" + out + "?sasl=scram-sha-256,plain":                                    "would cross the network readable",
		"kafka://" + out + "?sasl=oauthbearer":                                            "would cross the network readable",
		"kafka://" + out + "?sasl=scram-sha-256":                                          "",
		"kafka+tls://" + out + "?cert=a&key=b&sasl=plain":                                 "",
		"kafka+tls://" + out + "?cert=a&key=b&client-ca=c&client-auth=required":           "",
		"kafka://127.0.0.1:9092?sasl=plain" + advertised:                                  "",
		"kafka://localhost:9092":                                                          "",
		"kafka://127.0.0.1:1?name=a kafka://127.0.0.1:2?name=a":                           "there are two of the name a",
		"kafka://127.0.0.1:1 kafka://127.0.0.1:2?sasl=plain":                              "",
		"kafka+tls://kont.example:9092?cert=a&key=b&sasl=oauthbearer kafka://127.0.0.1:1": "",
	} {
		_, err := Load(Sources{Flags: map[string]string{"listener": url, "oauth-key-set": "keys"}})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", url, err, want)
		}
		if want != "" && !strings.Contains(want, "two of") {
			if _, err := Load(Sources{Flags: map[string]string{"listener": url, "insecure": "true", "oauth-key-set": "keys"}}); err != nil {
				t.Errorf("%s with consent: %v", url, err)
			}
		}
	}
	if _, err := Load(Sources{Flags: map[string]string{"listener": "kafka://127.0.0.1:1", "kafka-listen": "127.0.0.1:2"}}); err == nil {
		t.Error("a listener and kafka-listen go together")
	}
}

// A list of the file may have commas in its items.
func TestListenersOfTheFileAreItems(t *testing.T) {
	c, err := Load(Sources{File: writeFile(t, "listener:\n- kafka://127.0.0.1:1?sasl=plain,scram-sha-512\n- kafka://127.0.0.1:2\nhttp-hosts: [a.example, b.example]\n")})
	if err != nil || len(c.Listeners) != 2 || len(c.Listeners[0].SASL) != 2 || len(c.HTTPHosts) != 2 {
		t.Errorf("%+v, %v", c.Listeners, err)
	}
}

func TestTokensNeedKeysOrConsent(t *testing.T) {
	const inside, outside = "kafka://127.0.0.1:1?sasl=oauthbearer", "kafka+tls://192.0.2.1:1?cert=a&key=b&sasl=oauthbearer"
	for _, test := range []struct {
		url, setting, want string
	}{
		{inside, "", "nothing says which tokens"},
		{inside, "oauth-key-set", ""},
		{inside, "oauth-unsigned", ""},
		{outside, "oauth-key-set", ""},
		{outside, "oauth-unsigned", "whoever reaches"},
	} {
		flags := map[string]string{"listener": test.url}
		if test.setting != "" {
			flags[test.setting] = "true"
		}
		_, err := Load(Sources{Flags: flags})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s with %s: error %v, want %q", test.url, test.setting, err, test.want)
		}
	}
	if _, err := Load(Sources{Flags: map[string]string{"oauth-key-set": "a", "oauth-unsigned": "true"}}); err == nil {
		t.Error("signed and unsigned go together")
	}
}
