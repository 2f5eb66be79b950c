package sasl

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	clientsasl "github.com/twmb/franz-go/pkg/sasl"
	clientoauth "github.com/twmb/franz-go/pkg/sasl/oauth"
	clientplain "github.com/twmb/franz-go/pkg/sasl/plain"
	clientscram "github.com/twmb/franz-go/pkg/sasl/scram"

	"kont/statemachine/command"
)

// users are credentials in memory.
type users map[command.ScramUser]command.ScramCredential

func (u users) ScramCredential(user command.ScramUser) (command.ScramCredential, bool) {
	credential, exists := u[user]
	return credential, exists
}

func (u users) add(t testing.TB, name, password string, mechanism command.ScramMechanism) {
	t.Helper()
	user := command.ScramUser{User: name, Mechanism: mechanism}
	credential, err := NewCredential(user, password, IterationsMin)
	if err != nil {
		t.Fatal(err)
	}
	u[user] = credential
}

var secret = []byte("a secret of the test")

func testUsers(t testing.TB) users {
	u := users{}
	u.add(t, "alice", "wonder,land=", command.ScramSHA256)
	u.add(t, "alice", "wonder,land=", command.ScramSHA512)
	u.add(t, "b,o=b", "builder", command.ScramSHA512)
	return u
}

// login lets franz-go's client talk to a mechanism.
func login(client clientsasl.Mechanism, server Mechanism) (*Identity, error) {
	session, message, err := client.Authenticate(context.Background(), "127.0.0.1:9092")
	if err != nil {
		return nil, err
	}
	exchange := server.Begin()
	for range 5 {
		answer, who, err := exchange.Next(message)
		if err != nil {
			return nil, err // the client would only take note
		}
		done, next, err := session.Challenge(answer)
		if err != nil {
			return nil, err
		}
		if who != nil {
			if !done {
				return nil, errors.New("the server is done and the client is not")
			}
			return who, nil
		}
		message = next
	}
	return nil, errors.New("no end after five messages")
}

func TestClientsLogInWithTheirPassword(t *testing.T) {
	known := testUsers(t)
	sha256, sha512, plain := Scram(command.ScramSHA256, known, secret), Scram(command.ScramSHA512, known, secret), Plain(known, secret)
	scramAs := func(user, password string) clientscram.Auth { return clientscram.Auth{User: user, Pass: password} }
	for _, test := range []struct {
		name   string
		client clientsasl.Mechanism
		server Mechanism
		want   string
	}{
		{"scram 256", scramAs("alice", "wonder,land=").AsSha256Mechanism(), sha256, "alice"},
		{"scram 512", scramAs("alice", "wonder,land=").AsSha512Mechanism(), sha512, "alice"},
		{"escaped name", scramAs("b,o=b", "builder").AsSha512Mechanism(), sha512, "b,o=b"},
		{"plain", clientplain.Auth{User: "alice", Pass: "wonder,land="}.AsMechanism(), plain, "alice"},
		{"plain of a user with SHA-512 alone", clientplain.Auth{User: "b,o=b", Pass: "builder"}.AsMechanism(), plain, "b,o=b"},
		{"plain as oneself", clientplain.Auth{Zid: "alice", User: "alice", Pass: "wonder,land="}.AsMechanism(), plain, "alice"},
		{"scram as oneself", clientscram.Auth{Zid: "alice", User: "alice", Pass: "wonder,land="}.AsSha256Mechanism(), sha256, "alice"},

		{"wrong password", scramAs("alice", "wonderland").AsSha256Mechanism(), sha256, ""},
		{"unknown user", scramAs("mallory", "wonder,land=").AsSha256Mechanism(), sha256, ""},
		{"no credential for the mechanism", scramAs("b,o=b", "builder").AsSha256Mechanism(), sha256, ""},
		{"wrong plain password", clientplain.Auth{User: "alice", Pass: "x"}.AsMechanism(), plain, ""},
		{"unknown plain user", clientplain.Auth{User: "mallory", Pass: "builder"}.AsMechanism(), plain, ""},
		{"plain as another", clientplain.Auth{Zid: "b,o=b", User: "alice", Pass: "wonder,land="}.AsMechanism(), plain, ""},
		{"scram as another", clientscram.Auth{Zid: "b,o=b", User: "alice", Pass: "wonder,land="}.AsSha256Mechanism(), sha256, ""},
		{"a delegation token", clientscram.Auth{User: "alice", Pass: "wonder,land=", IsToken: true}.AsSha256Mechanism(), sha256, ""},
	} {
		who, err := login(test.client, test.server)
		switch {
		case test.want == "" && (who != nil || !IsRefusal(err)):
			t.Errorf("%s: got in as %v, error %v", test.name, who, err)
		case test.want != "" && (err != nil || who.Name != test.want):
			t.Errorf("%s: %v, error %v", test.name, who, err)
		}
	}
}

// Whoever tries names must not learn which are there: an unknown one is asked the same
// question again and again, and gets the same answer in the end.
func TestUnknownUserLooksLikeAKnownOne(t *testing.T) {
	known := testUsers(t)
	server := Scram(command.ScramSHA256, known, secret)
	salts, errs := map[string]map[string]bool{"alice": {}, "mallory": {}}, map[string]string{}
	for name := range salts {
		for range 2 {
			exchange := server.Begin()
			answer, who, err := exchange.Next([]byte("n,,n=" + name + ",r=abc"))
			if who != nil || err != nil {
				t.Fatalf("%s: %v, %v", name, who, err)
			}
			fields := strings.Split(string(answer), ",")
			if len(fields) != 3 || fields[2] != "i=4096" || len(fields[1]) != len("s=")+32 {
				t.Errorf("%s: asked %s", name, answer)
			}
			salts[name][fields[1]] = true
			_, _, err = exchange.Next([]byte("c=biws," + fields[0] + ",p=" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
			errs[name] = err.Error()
		}
		if len(salts[name]) != 1 {
			t.Errorf("%s has salts %v", name, salts[name])
		}
	}
	if errs["alice"] != errs["mallory"] {
		t.Errorf("refusals tell them apart: %v", errs)
	}
	other := Scram(command.ScramSHA256, known, []byte("another secret")).Begin()
	if answer, _, _ := other.Next([]byte("n,,n=mallory,r=abc")); salts["mallory"][strings.Split(string(answer), ",")[1]] {
		t.Error("the salt of an unknown user can be computed without the secret")
	}
}

// librdkafka 2.0 sends its own nonce twice in the last message, as captured from it.
func TestNonceOfLibrdkafkaIsTaken(t *testing.T) {
	known := testUsers(t)
	exchange := Scram(command.ScramSHA256, known, secret).Begin()
	first, _, err := exchange.Next([]byte("n,,n=alice,r=mine"))
	if err != nil {
		t.Fatal(err)
	}
	credential := known[command.ScramUser{User: "alice", Mechanism: command.ScramSHA256}]
	salted, err := saltedPassword(credential.Mechanism, "wonder,land=", credential.Salt, credential.Iterations)
	if err != nil {
		t.Fatal(err)
	}
	withoutProof := "c=biws,r=mine" + strings.TrimPrefix(strings.Split(string(first), ",")[0], "r=")
	clientKey := sum(sha256.New, salted, "Client Key")
	proof := make([]byte, 32)
	subtle.XORBytes(proof, clientKey, sum(sha256.New, credential.StoredKey, "n=alice,r=mine,"+string(first)+","+withoutProof))
	if _, who, err := exchange.Next([]byte(withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof))); err != nil || who.Name != "alice" {
		t.Errorf("%v, %v", who, err)
	}
}

// Who knows the password and says in the last message what was not agreed on is refused: with the nonce of another exchange it
// would be a message that somebody has recorded.
func TestLastMessageOfScramIsOfThisExchange(t *testing.T) {
	known := testUsers(t)
	credential := known[command.ScramUser{User: "alice", Mechanism: command.ScramSHA256}]
	salted, err := saltedPassword(credential.Mechanism, "wonder,land=", credential.Salt, credential.Iterations)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		binding, nonce string
		isRight        bool
	}{
		{"c=biws", "mineNONCE", true},
		{"c=biws", "mine", false},
		{"c=biws", "mineNONCEx", false},
		{"c=eSws", "mineNONCE", false},     // y,, after n,,
		{"c=bixhPWIs", "mineNONCE", false}, // n,a=b, after n,,
	} {
		exchange := Scram(command.ScramSHA256, known, secret).Begin()
		first, _, err := exchange.Next([]byte("n,,n=alice,r=mine"))
		if err != nil {
			t.Fatal(err)
		}
		ours := strings.TrimPrefix(strings.Split(string(first), ",")[0], "r=mine")
		withoutProof := test.binding + ",r=" + strings.ReplaceAll(test.nonce, "NONCE", ours)
		proof := make([]byte, 32)
		subtle.XORBytes(proof, sum(sha256.New, salted, "Client Key"), sum(sha256.New, credential.StoredKey, "n=alice,r=mine,"+string(first)+","+withoutProof))
		_, who, err := exchange.Next([]byte(withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof)))
		if (who != nil) != test.isRight || test.isRight != (err == nil) {
			t.Errorf("%s,r=%s: %v, error %v", test.binding, test.nonce, who, err)
		}
	}
}

// The example of RFC 7677, with the server's half of the nonce put in.
func TestScramIsThatOfTheRFC(t *testing.T) {
	user := command.ScramUser{User: "user", Mechanism: command.ScramSHA256}
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	salted, err := saltedPassword(user.Mechanism, "pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := CredentialOf(user, salted, salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	exchange := &scramExchange{scram: scram{mechanism: user.Mechanism, credentials: users{user: credential}, standIns: standIns{secret}}}
	if _, _, err := exchange.Next([]byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")); err != nil {
		t.Fatal(err)
	}
	nonce := "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	exchange.nonce = strings.TrimPrefix(nonce, exchange.first.nonce)
	exchange.reply = "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	answer, who, err := exchange.Next([]byte("c=biws,r=" + nonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
	if err != nil || who == nil || string(answer) != "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("answer %s, %v, %v", answer, who, err)
	}
	if _, _, err := exchange.Next([]byte("again")); !IsRefusal(err) {
		t.Errorf("after the end: %v", err)
	}
}

func TestMessagesThatAreNoneAreRefused(t *testing.T) {
	known := testUsers(t)
	for _, message := range []string{"", "n", "n,,", "p=tls-unique,,n=alice,r=a", "n,x,n=alice,r=a", "n,,m=x,n=alice,r=a", "n,,n=,r=a", "n,,n=al=ice,r=a",
		"n,,n=alice,r=", "n,,n=alice,r=\x01", "n,,n=alice,r=a,x", "n,,n=\xff,r=a", "n,a=,n=alice,r=a", "x,,n=alice,r=a"} {
		if answer, _, err := Scram(command.ScramSHA256, known, secret).Begin().Next([]byte(message)); !IsRefusal(err) {
			t.Errorf("%q is answered with %q, error %v", message, answer, err)
		}
	}
	for _, last := range []string{"", "c=biws,p=", "c=biws,r=NONCE", "c=eSws,r=NONCE,p=AAAA", "c=biws,r=other,p=AAAA", "c=biws,r=NONCE,p=A", "r=NONCE,c=biws,p=AAAA"} {
		exchange := Scram(command.ScramSHA256, known, secret).Begin()
		first, _, err := exchange.Next([]byte("n,,n=alice,r=a"))
		if err != nil {
			t.Fatal(err)
		}
		nonce := strings.TrimPrefix(strings.Split(string(first), ",")[0], "r=")
		if _, who, err := exchange.Next([]byte(strings.ReplaceAll(last, "NONCE", nonce))); who != nil || !IsRefusal(err) {
			t.Errorf("%q lets %v in, error %v", last, who, err)
		}
	}
	for _, message := range []string{"", "\x00", "\x00\x00", "\x00alice", "\x00alice\x00", "\x00\x00wonder,land=", "\x00alice\x00a\x00b", "\x00\xff\x00x"} {
		if _, who, err := Plain(known, secret).Begin().Next([]byte(message)); who != nil || !IsRefusal(err) {
			t.Errorf("plain %q lets %v in, error %v", message, who, err)
		}
	}
	rules := &TokenRules{AllowUnsigned: true}
	for _, message := range []string{"", "n,,", "n,,\x01\x01", "n,,\x01auth=Bearer\x01\x01", "n,,\x01auth=Basic a\x01\x01", "n,,\x01auth=Bearer a\x01", "\x01auth=Bearer a\x01\x01",
		"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01", "n,,\x01a1=b\x01auth=Bearer a\x01\x01", "p,,\x01auth=Bearer a\x01\x01"} {
		if answer, who, err := OAuthBearer(rules).Begin().Next([]byte(message)); who != nil || answer != nil || !IsRefusal(err) {
			t.Errorf("oauth %q: %q, %v, error %v", message, answer, who, err)
		}
	}
}

// FuzzMessages holds that no messages make a mechanism panic, let somebody in, or are
// repeated in a refusal.
func FuzzMessages(f *testing.F) {
	known := testUsers(f)
	rules := &TokenRules{Keys: func() Keys { return Keys{} }}
	f.Add([]byte("n,,n=alice,r=abc"), []byte("c=biws,r=abc,p=AAAA"))
	f.Add([]byte("\x00alice\x00wonderland"), []byte{})
	f.Add([]byte("n,,\x01auth=Bearer a.b.c\x01\x01"), []byte{1})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, mechanism := range []Mechanism{Scram(command.ScramSHA256, known, secret), OAuthBearer(rules)} {
			exchange := mechanism.Begin()
			for _, message := range [][]byte{first, second, second} {
				_, who, err := exchange.Next(message)
				if who != nil {
					t.Fatalf("%s: %q and %q let %v in", mechanism.Name(), first, second, who)
				}
				if err != nil && message != nil {
					if !IsRefusal(err) {
						t.Fatalf("%s: %v", mechanism.Name(), err)
					}
					break
				}
			}
		}
	})
}

func TestTokenIsTakenFromTheClient(t *testing.T) {
	rules := &TokenRules{AllowUnsigned: true}
	token := unsigned(t, map[string]any{"sub": "alice", "exp": future})
	who, err := login(clientoauth.Auth{Token: token, Extensions: map[string]string{"logicalCluster": "x"}}.AsMechanism(), OAuthBearer(rules))
	if err != nil || who.Name != "alice" || who.ExpiresAt.IsZero() {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := login(clientoauth.Auth{Zid: "bob", Token: token}.AsMechanism(), OAuthBearer(rules)); err == nil {
		t.Error("alice's token is good for bob")
	}
	exchange := OAuthBearer(rules).Begin()
	answer, _, err := exchange.Next([]byte("n,,\x01auth=Bearer bad\x01\x01"))
	if string(answer) != `{"status":"invalid_token"}` || !IsRefusal(err) {
		t.Errorf("bad token: %s, %v", answer, err)
	}
	if _, who, err := exchange.Next([]byte(controlA)); who != nil || !IsRefusal(err) {
		t.Errorf("after a bad token: %v, %v", who, err)
	}
}

func BenchmarkPlain(b *testing.B) {
	mechanism := Plain(testUsers(b), secret)
	for b.Loop() {
		if _, _, err := mechanism.Begin().Next([]byte("\x00alice\x00wonder,land=")); err != nil {
			b.Fatal(err)
		}
	}
}
