package kafkacompat_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	clientsasl "github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"kont/kafkacompat"
	"kont/kafkacompat/sasl"
	"kont/statemachine/command"
)

// listen opens another listener of the server and returns one who dials it.
func (s *testServer) listen(how kafkacompat.Listener) *testServer {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.cluster.AddListener(how.Name, "127.0.0.1", int32(listener.Addr().(*net.TCPAddr).Port))
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(listener, how) }()
	s.t.Cleanup(func() {
		s.server.Close()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	other := *s
	other.address = listener.Addr().String()
	return &other
}

var scramSecret = []byte("secret")

// addUser makes a user with credentials for both hashes.
func (s *testServer) addUser(name, password string) {
	s.t.Helper()
	for _, mechanism := range []command.ScramMechanism{command.ScramSHA256, command.ScramSHA512} {
		credential, err := sasl.NewCredential(command.ScramUser{User: name, Mechanism: mechanism}, password, sasl.IterationsMin)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.log.Propose(s.t.Context(), command.AlterScramCredentials{Upserts: []command.ScramCredential{credential}}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// listenWithSASL opens a listener with all mechanisms, where alice's password is
// wonderland and bob's builder, and unsigned tokens are believed.
func (s *testServer) listenWithSASL(change ...func(*kafkacompat.Listener)) *testServer {
	s.t.Helper()
	s.addUser("alice", "wonderland")
	s.addUser("bob", "builder")
	how := kafkacompat.Listener{Name: "sasl", SASL: []sasl.Mechanism{
		sasl.Plain(s.log, scramSecret), sasl.Scram(command.ScramSHA256, s.log, scramSecret), sasl.Scram(command.ScramSHA512, s.log, scramSecret),
		sasl.OAuthBearer(&sasl.TokenRules{AllowUnsigned: true}),
	}}
	for _, f := range change {
		f(&how)
	}
	return s.listen(how)
}

func unsignedToken(t *testing.T, name string, expiresIn time.Duration) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"sub": name, "exp": float64(time.Now().Add(expiresIn).UnixMilli()) / 1000})
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims) + "."
}

func TestClientsLogIn(t *testing.T) {
	s := startServer(t).listenWithSASL()
	for name, mechanism := range map[string]clientsasl.Mechanism{
		"plain":     plain.Auth{User: "alice", Pass: "wonderland"}.AsMechanism(),
		"scram-256": scram.Auth{User: "alice", Pass: "wonderland"}.AsSha256Mechanism(),
		"scram-512": scram.Auth{User: "alice", Pass: "wonderland"}.AsSha512Mechanism(),
		"oauth":     oauth.Auth{Token: unsignedToken(t, "alice", time.Hour)}.AsMechanism(),
	} {
		client := s.client(kgo.SASL(mechanism), kgo.DefaultProduceTopic("orders-"+name))
		if _, err := kadm.NewClient(client).CreateTopic(testContext(t), 1, 1, nil, "orders-"+name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := client.ProduceSync(testContext(t), &kgo.Record{Value: []byte("x")}).FirstErr(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text := s.logged.String(); strings.Count(text, "principal=User:alice") < 4 {
		t.Errorf("alice is not who came:\n%s", text)
	}
}

func TestClientsWithoutTheRightPasswordAreTold(t *testing.T) {
	s := startServer(t).listenWithSASL()
	for name, mechanism := range map[string]clientsasl.Mechanism{
		"wrong password":       plain.Auth{User: "alice", Pass: "hunter2"}.AsMechanism(),
		"unknown user":         plain.Auth{User: "mallory", Pass: "hunter2"}.AsMechanism(),
		"wrong scram password": scram.Auth{User: "alice", Pass: "hunter2"}.AsSha256Mechanism(),
		"unknown scram user":   scram.Auth{User: "mallory", Pass: "hunter2"}.AsSha512Mechanism(),
		"expired token":        oauth.Auth{Token: unsignedToken(t, "alice", -time.Hour)}.AsMechanism(),
		"no token":             oauth.Auth{Token: "hunter2"}.AsMechanism(),
	} {
		client := s.client(kgo.SASL(mechanism), kgo.RequestRetries(0))
		err := client.Ping(testContext(t))
		// franz-go doesn't wait for the end of a token that is not taken.
		isOfToken := strings.Contains(name, "token")
		if !isOfToken && !errors.Is(err, kerr.SaslAuthenticationFailed) || isOfToken && err == nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if stats := s.server.Stats(); stats.FailedLogins != 6 {
		t.Errorf("%d failed, want 6", stats.FailedLogins)
	}
	if text := s.logged.String(); strings.Contains(text, "hunter2") || strings.Contains(text, "wonderland") {
		t.Errorf("a password is in the log:\n%s", text)
	}
}

func saslHandshake(c *rawConn, mechanism string, version int16) *kmsg.SASLHandshakeResponse {
	c.t.Helper()
	request := kmsg.NewPtrSASLHandshakeRequest()
	request.Version, request.Mechanism = version, mechanism
	return ask[*kmsg.SASLHandshakeResponse](c, request)
}

func saslAuthenticate(c *rawConn, message string) *kmsg.SASLAuthenticateResponse {
	c.t.Helper()
	request := kmsg.NewPtrSASLAuthenticateRequest()
	request.Version, request.SASLAuthBytes = 1, []byte(message)
	return ask[*kmsg.SASLAuthenticateResponse](c, request)
}

// Before a client is known it may ask for versions and log in, and nothing else.
func TestNothingIsAnsweredBeforeLogin(t *testing.T) {
	s := startServer(t).listenWithSASL()
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.Version = 0
	for _, request := range []kmsg.Request{metadataRequest(), kmsg.NewPtrListGroupsRequest(), kmsg.NewPtrSASLAuthenticateRequest(),
		produceRequest(-1, 9, "orders", nil), kmsg.NewPtrCreateACLsRequest()} {
		c := s.dial()
		ask[*kmsg.ApiVersionsResponse](c, versions)
		c.send(frame(99, request))
		c.requireClosed(kmsg.NameForKey(request.Key()))

		// Nor in the middle of it.
		c = s.dial()
		saslHandshake(c, "PLAIN", 1)
		if request.Key() != 36 {
			c.send(frame(99, request))
			c.requireClosed(kmsg.NameForKey(request.Key()) + " after the handshake")
		}
	}
	c := s.dial()
	if r := saslHandshake(c, "GSSAPI", 1); r.ErrorCode != kerr.UnsupportedSaslMechanism.Code || len(r.SupportedMechanisms) != 4 {
		t.Errorf("%+v", r)
	}
	c.requireClosed("after an unknown mechanism")

	c = s.dial()
	c.send(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(nil, 65<<10), 36))
	c.requireClosed("a large frame")

	// What a client sends at once behind its login is not lost.
	c = s.dial()
	saslHandshake(c, "PLAIN", 1)
	authenticate := kmsg.NewPtrSASLAuthenticateRequest()
	authenticate.SASLAuthBytes = []byte("\x00alice\x00wonderland")
	c.send(append(frame(50, authenticate), frame(51, metadataRequest())...))
	answer[*kmsg.SASLAuthenticateResponse](c, 50, authenticate)
	answer[*kmsg.MetadataResponse](c, 51, metadataRequest())
}

// Clients of long ago send the mechanism's messages bare after a handshake of version 0.
func TestBareMessagesLogIn(t *testing.T) {
	s := startServer(t).listenWithSASL()
	bare := func(c *rawConn, message string) (string, error) {
		c.send(append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...))
		var prefix [4]byte
		if _, err := io.ReadFull(c.reader, prefix[:]); err != nil {
			return "", err
		}
		answer := make([]byte, binary.BigEndian.Uint32(prefix[:]))
		_, err := io.ReadFull(c.reader, answer)
		return string(answer), err
	}
	c := s.dial()
	saslHandshake(c, "PLAIN", 0)
	if answer, err := bare(c, "\x00alice\x00wonderland"); answer != "" || err != nil {
		t.Errorf("answer %q, %v", answer, err)
	}
	ask[*kmsg.MetadataResponse](c, metadataRequest())

	c = s.dial()
	saslHandshake(c, "SCRAM-SHA-256", 0)
	session, first, err := scram.Auth{User: "bob", Pass: "builder"}.AsSha256Mechanism().Authenticate(testContext(t), "")
	if err != nil {
		t.Fatal(err)
	}
	challenge, err := bare(c, string(first))
	if err != nil {
		t.Fatal(err)
	}
	_, last, err := session.Challenge([]byte(challenge))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := bare(c, string(last))
	if err != nil {
		t.Fatal(err)
	}
	if done, _, err := session.Challenge([]byte(signature)); !done || err != nil {
		t.Errorf("done %v, %v", done, err)
	}
	ask[*kmsg.MetadataResponse](c, metadataRequest())

	c = s.dial()
	saslHandshake(c, "PLAIN", 0)
	if answer, err := bare(c, "\x00alice\x00x"); err == nil {
		t.Errorf("a wrong password is answered with %q", answer)
	}
	c = s.dial()
	saslHandshake(c, "PLAIN", 0)
	c.send([]byte{0x7f, 0xff, 0xff, 0xff})
	c.requireClosed("two gigabytes")
}

// KIP-368: a session ends when its token does or the listener wants it to, unless its
// client logs in again, as the same one.
func TestSessionsEndUnlessTheClientLogsInAgain(t *testing.T) {
	s := startServer(t).listenWithSASL(func(how *kafkacompat.Listener) { how.ReauthenticateAfter = time.Hour })
	login := func(c *rawConn, name string, expiresIn time.Duration) *kmsg.SASLAuthenticateResponse {
		saslHandshake(c, "OAUTHBEARER", 1)
		return saslAuthenticate(c, "n,,\x01auth=Bearer "+unsignedToken(t, name, expiresIn)+"\x01\x01")
	}
	c := s.dial()
	if r := login(c, "alice", 24*time.Hour); r.ErrorCode != 0 || r.SessionLifetimeMillis > time.Hour.Milliseconds() || r.SessionLifetimeMillis < 50*time.Minute.Milliseconds() {
		t.Errorf("%+v, want a session of an hour", r)
	}
	if r := login(c, "alice", time.Minute); r.ErrorCode != 0 || r.SessionLifetimeMillis > time.Minute.Milliseconds() || r.SessionLifetimeMillis < 30_000 {
		t.Errorf("%+v, want a session of a minute", r)
	}
	ask[*kmsg.MetadataResponse](c, metadataRequest())
	if r := login(c, "bob", time.Hour); r.ErrorCode != kerr.SaslAuthenticationFailed.Code || !strings.Contains(*r.ErrorMessage, "Cannot change principals") {
		t.Errorf("%+v", r)
	}
	c.requireClosed("after another's token")

	c = s.dial()
	login(c, "alice", time.Hour)
	saslHandshake(c, "PLAIN", 1)
	if r := saslAuthenticate(c, "\x00alice\x00wonderland"); r.ErrorCode != kerr.SaslAuthenticationFailed.Code {
		t.Errorf("another mechanism: %+v", r)
	}
	c.requireClosed("after another mechanism")

	c = s.dial()
	login(c, "alice", time.Hour)
	saslHandshake(c, "OAUTHBEARER", 1)
	c.send(frame(99, metadataRequest()))
	c.requireClosed("a request between a handshake and its end")

	// A session that is over.
	c = s.dial()
	r := login(c, "alice", 300*time.Millisecond)
	if r.ErrorCode != 0 || r.SessionLifetimeMillis < 1 {
		t.Fatalf("%+v", r)
	}
	eventually(t, "the session is closed upon", func() bool {
		c.last++
		if _, err := c.Write(frame(c.last, metadataRequest())); err != nil {
			return true
		}
		_, err := c.readAnswer()
		return err != nil
	})
	// It can still log in again: that is what it comes back for.
	c = s.dial()
	login(c, "alice", 100*time.Millisecond)
	over := time.Now().Add(100 * time.Millisecond)
	eventually(t, "the session is over", func() bool { return time.Now().After(over) })
	if r := login(c, "alice", time.Hour); r.ErrorCode != 0 {
		t.Errorf("late: %+v", r)
	}
	ask[*kmsg.MetadataResponse](c, metadataRequest())
}

// franz-go logs in again by itself before its session ends.
func TestClientOutlivesItsTokens(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	secured := s.listenWithSASL()
	client := secured.client(kgo.SASL(oauth.Oauth(func(context.Context) (oauth.Auth, error) {
		return oauth.Auth{Token: unsignedToken(t, "alice", 2500*time.Millisecond)}, nil
	})), kgo.DefaultProduceTopic("orders"))
	for began := time.Now(); time.Since(began) < 4*time.Second; {
		if err := client.ProduceSync(testContext(t), &kgo.Record{Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListenerWithoutSASLRefusesToLogAnybodyIn(t *testing.T) {
	c := startServer(t).dial()
	if r := saslHandshake(c, "PLAIN", 1); r.ErrorCode != kerr.IllegalSaslState.Code {
		t.Errorf("%+v", r)
	}
	if r := saslAuthenticate(c, "x"); r.ErrorCode != kerr.IllegalSaslState.Code {
		t.Errorf("%+v", r)
	}
	ask[*kmsg.MetadataResponse](c, metadataRequest())
}

// Those who say nothing are sent away, and never keep out who has logged in.
func TestStrangersTakeLittle(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) {
		c.UnknownConnectionsMax, c.UnknownConnectionsPerAddressMax, c.AuthenticationTimeout = 3, 3, time.Minute
	}).listenWithSASL()
	known := s.dial()
	saslHandshake(known, "PLAIN", 1)
	saslAuthenticate(known, "\x00alice\x00wonderland")
	ask[*kmsg.MetadataResponse](known, metadataRequest()) // by now it is counted as known
	var silent []*rawConn
	for range 3 {
		silent = append(silent, s.dial())
	}
	eventually(t, "three are silent", func() bool { return s.server.Stats().Connections == 4 })
	s.dial().requireClosed("the fourth stranger")
	for _, c := range silent {
		c.Close()
	}
	eventually(t, "they have gone", func() bool { return s.server.Stats().Connections == 1 })
	again := s.dial()
	saslHandshake(again, "PLAIN", 1)
	saslAuthenticate(again, "\x00bob\x00builder")
	ask[*kmsg.MetadataResponse](known, metadataRequest())
	ask[*kmsg.MetadataResponse](again, metadataRequest())
}

func TestStrangersOfOneAddressLeaveRoomForOthers(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) {
		c.UnknownConnectionsMax, c.UnknownConnectionsPerAddressMax, c.AuthenticationTimeout = 3, 2, time.Minute
	}).listenWithSASL()
	s.dial()
	s.dial()
	eventually(t, "two are silent", func() bool { return s.server.Stats().Connections == 2 })
	s.dial().requireClosed("the third stranger of the address")
	c := s.dialFrom("127.0.0.2")
	saslHandshake(c, "PLAIN", 1)
	saslAuthenticate(c, "\x00alice\x00wonderland")
	ask[*kmsg.MetadataResponse](c, metadataRequest())
}

func TestWhoFailsToLogInWaits(t *testing.T) {
	const delay = 150 * time.Millisecond
	s := startServer(t, func(c *kafkacompat.Config) { c.FailedAuthenticationDelay = delay }).listenWithSASL()
	for version, fail := range []func(*rawConn){
		func(c *rawConn) {
			message := "\x00alice\x00hunter2"
			c.send(append([]byte{0, 0, 0, byte(len(message))}, message...))
			c.requireClosed("a wrong password")
		},
		func(c *rawConn) {
			if r := saslAuthenticate(c, "\x00alice\x00hunter2"); r.ErrorCode != kerr.SaslAuthenticationFailed.Code {
				t.Errorf("%+v", r)
			}
		},
	} {
		c := s.dial()
		saslHandshake(c, "PLAIN", int16(version))
		began := time.Now()
		fail(c)
		if took := time.Since(began); took < delay {
			t.Errorf("version %d: told after %s", version, took)
		}
	}
}

func TestSilentStrangersAreSentAway(t *testing.T) {
	s := startServer(t, func(c *kafkacompat.Config) { c.AuthenticationTimeout = 20 * time.Millisecond }).listenWithSASL()
	s.dial().requireClosed("a silent client")
	c := s.dial()
	c.send([]byte{0, 0, 0})
	c.requireClosed("a client that stops in a size")
}

func TestCredentialsAreAlteredAndDescribed(t *testing.T) {
	s := startServer(t)
	secured := s.listenWithSASL()
	admin := kadm.NewClient(s.client())
	upsert := kadm.UpsertSCRAM{User: "carol", Mechanism: kadm.ScramSha256, Iterations: 4096, Password: "first"}
	results, err := admin.AlterUserSCRAMs(testContext(t), []kadm.DeleteSCRAM{{User: "bob", Mechanism: kadm.ScramSha512}, {User: "nobody", Mechanism: kadm.ScramSha256}},
		[]kadm.UpsertSCRAM{upsert})
	if err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]error{"bob": nil, "carol": nil, "nobody": kerr.ResourceNotFound} {
		if got := results[user].Err; !errors.Is(got, want) {
			t.Errorf("%s: %v, want %v", user, got, want)
		}
	}
	described, err := admin.DescribeUserSCRAMs(testContext(t))
	if err != nil || len(described) != 3 || len(described["bob"].CredInfos) != 1 || described["carol"].CredInfos[0].Iterations != 4096 {
		t.Errorf("%+v, %v", described, err)
	}
	if described, err := admin.DescribeUserSCRAMs(testContext(t), "nobody"); err != nil || !errors.Is(described["nobody"].Err, kerr.ResourceNotFound) {
		t.Errorf("nobody: %+v, %v", described, err)
	}
	request := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	request.Users = []kmsg.DescribeUserSCRAMCredentialsRequestUser{{Name: "alice"}, {Name: "alice"}}
	if r := ask[*kmsg.DescribeUserSCRAMCredentialsResponse](s.dial(), request); len(r.Results) != 1 || r.Results[0].ErrorCode != kerr.DuplicateResource.Code {
		t.Errorf("%+v", r.Results)
	}
	carol := func(password string) error {
		client := secured.client(kgo.SASL(scram.Auth{User: "carol", Pass: password}.AsSha256Mechanism()), kgo.RequestRetries(0))
		return client.Ping(testContext(t))
	}
	if err := carol("first"); err != nil {
		t.Error(err)
	}
	upsert.Password = "second"
	if _, err := admin.AlterUserSCRAMs(testContext(t), nil, []kadm.UpsertSCRAM{upsert}); err != nil {
		t.Fatal(err)
	}
	if err := carol("first"); !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("the old password: %v", err)
	}
	if err := carol("second"); err != nil {
		t.Error(err)
	}
	twice := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	one := kmsg.AlterUserSCRAMCredentialsRequestUpsertion{Name: "frank", Mechanism: 1, Iterations: 4096, Salt: []byte{1}, SaltedPassword: []byte{2}}
	with := func(name string, mechanism int8, iterations int32) kmsg.AlterUserSCRAMCredentialsRequestUpsertion {
		other := one
		other.Name, other.Mechanism, other.Iterations = name, mechanism, iterations
		return other
	}
	// A user of whom one thing is wrong keeps what there was.
	twice.Upsertions = []kmsg.AlterUserSCRAMCredentialsRequestUpsertion{one, one, with("grace", 3, 4096), with("dave", 1, 4095), with("dave", 2, 4096),
		with("erin", 2, 16385), with("", 1, 4096), with("heidi", 1, 4096), with("heidi", 2, 4096), with("alice", 2, 4096)}
	twice.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "alice", Mechanism: 1}}
	r := ask[*kmsg.AlterUserSCRAMCredentialsResponse](s.dial(), twice)
	var codes []int16
	for _, result := range r.Results {
		codes = append(codes, result.ErrorCode)
	}
	// Kafka counts users, not their mechanisms.
	want := []int16{kerr.DuplicateResource.Code, kerr.DuplicateResource.Code, kerr.UnsupportedSaslMechanism.Code, kerr.UnacceptableCredential.Code, kerr.UnacceptableCredential.Code, kerr.UnacceptableCredential.Code,
		kerr.DuplicateResource.Code}
	if !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
	if all := s.log.ScramCredentials(); len(all) != 4 {
		t.Errorf("%v", all)
	}
	if _, exists := s.log.ScramCredential(command.ScramUser{User: "frank", Mechanism: 1}); exists {
		t.Error("frank was made")
	}
}

// Who logs in again as somebody else is refused in the last message of SCRAM, which else would say that it went well.
func TestSCRAMDoesNotTellThatAnotherIsIn(t *testing.T) {
	s := startServer(t).listenWithSASL()
	c := s.dial()
	login := func(name, password string) *kmsg.SASLAuthenticateResponse {
		saslHandshake(c, "SCRAM-SHA-256", 1)
		session, first, err := scram.Auth{User: name, Pass: password}.AsSha256Mechanism().Authenticate(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		_, last, err := session.Challenge(saslAuthenticate(c, string(first)).SASLAuthBytes)
		if err != nil {
			t.Fatal(err)
		}
		return saslAuthenticate(c, string(last))
	}
	for range 2 {
		if r := login("alice", "wonderland"); r.ErrorCode != 0 || len(r.SASLAuthBytes) == 0 {
			t.Fatalf("%+v", r)
		}
		ask[*kmsg.MetadataResponse](c, metadataRequest())
	}
	if r := login("bob", "builder"); r.ErrorCode != kerr.SaslAuthenticationFailed.Code || !strings.Contains(*r.ErrorMessage, "Cannot change principals") || len(r.SASLAuthBytes) > 0 {
		t.Errorf("%+v", r)
	}
	c.requireClosed("after another's password")
}
