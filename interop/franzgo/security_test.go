package franzgo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var security = flag.String("security", "", "TLS=HOST:PORT MTLS=HOST:PORT SASL=HOST:PORT DIR=where the certificates are; see interop/security.sh")

// token is unsigned: alice, until the year 2100.
const token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMH0."

func TestSecurity(t *testing.T) {
	if *security == "" {
		t.Skip("no -security")
	}
	given := make(map[string]string)
	for _, argument := range strings.Fields(*security) {
		name, value, _ := strings.Cut(argument, "=")
		given[name] = value
	}
	pem, err := os.ReadFile(filepath.Join(given["DIR"], "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	trusting := &tls.Config{RootCAs: x509.NewCertPool()}
	trusting.RootCAs.AppendCertsFromPEM(pem)
	alice, err := tls.LoadX509KeyPair(filepath.Join(given["DIR"], "alice.crt"), filepath.Join(given["DIR"], "alice.key"))
	if err != nil {
		t.Fatal(err)
	}
	known := trusting.Clone()
	known.Certificates = []tls.Certificate{alice}
	credentials := scram.Auth{User: "alice", Pass: "secret"}
	for _, way := range []struct {
		name, listener string
		tls            *tls.Config
		mechanism      sasl.Mechanism
		refusal        *kerr.Error
	}{
		{"TLS", "TLS", trusting, nil, nil},
		{"mutual TLS", "MTLS", known, nil, nil},
		{"SASL PLAIN", "SASL", trusting, plain.Auth{User: "alice", Pass: "secret"}.AsMechanism(), nil},
		{"SASL SCRAM-SHA-256", "SASL", trusting, credentials.AsSha256Mechanism(), nil},
		{"SASL SCRAM-SHA-512", "SASL", trusting, credentials.AsSha512Mechanism(), nil},
		{"SASL OAUTHBEARER", "SASL", trusting, oauth.Auth{Token: token}.AsMechanism(), nil},
		{"wrong passwords are refused", "SASL", trusting, scram.Auth{User: "alice", Pass: "wrong"}.AsSha512Mechanism(), kerr.SaslAuthenticationFailed},
	} {
		fmt.Printf("FEATURE %s\n", way.name)
		options := []kgo.Opt{kgo.SeedBrokers(given[way.listener]), kgo.DialTLSConfig(way.tls), kgo.AllowAutoTopicCreation(), kgo.ConsumeTopics("secure-franz-go"), kgo.RequestRetries(2)}
		if way.mechanism != nil {
			options = append(options, kgo.SASL(way.mechanism))
		}
		err := trip(t, options)
		if way.refusal == nil && err != nil || way.refusal != nil && !errors.Is(err, way.refusal) {
			fmt.Printf("BROKEN %v\n", err)
			t.Errorf("%s: %v", way.name, err)
		}
	}
}

// trip writes a record and reads it back.
func trip(t *testing.T, options []kgo.Opt) error {
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// Writing is tried for ever, with whatever password.
	if err := client.Ping(ctx); err != nil {
		return err
	}
	sent := &kgo.Record{Topic: "secure-franz-go", Value: []byte(t.Name())}
	if err := client.ProduceSync(ctx, sent).FirstErr(); err != nil {
		return err
	}
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return err
		}
		isRead := false
		fetches.EachRecord(func(r *kgo.Record) { isRead = isRead || r.Partition == sent.Partition && r.Offset == sent.Offset })
		if isRead {
			return nil
		}
	}
}
