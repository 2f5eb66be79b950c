package kafkago

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

var security = flag.String("security", "", "TLS=HOST:PORT MTLS=HOST:PORT SASL=HOST:PORT DIR=where the certificates are; see interop/security.sh")

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
	login := func(algorithm scram.Algorithm, password string) sasl.Mechanism {
		mechanism, err := scram.Mechanism(algorithm, "alice", password)
		if err != nil {
			t.Fatal(err)
		}
		return mechanism
	}
	for _, way := range []struct {
		name, listener string
		tls            *tls.Config
		mechanism      sasl.Mechanism
		refusal        error
	}{
		{"TLS", "TLS", trusting, nil, nil},
		{"mutual TLS", "MTLS", known, nil, nil},
		{"SASL PLAIN", "SASL", trusting, plain.Mechanism{Username: "alice", Password: "secret"}, nil},
		{"SASL SCRAM-SHA-256", "SASL", trusting, login(scram.SHA256, "secret"), nil},
		{"SASL SCRAM-SHA-512", "SASL", trusting, login(scram.SHA512, "secret"), nil},
		{"wrong passwords are refused", "SASL", trusting, login(scram.SHA512, "wrong"), kafka.SASLAuthenticationFailed},
	} {
		feature(t, way.name, func(t *testing.T) {
			err := trip(t.Context(), given[way.listener], way.tls, way.mechanism)
			if way.refusal == nil && err != nil || way.refusal != nil && !errors.Is(err, way.refusal) {
				t.Error(err)
			}
		})
	}
}

// trip writes a record and reads it back.
func trip(ctx context.Context, address string, config *tls.Config, mechanism sasl.Mechanism) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	const topic = "secure-kafka-go"
	transport := &kafka.Transport{TLS: config, SASL: mechanism}
	defer transport.CloseIdleConnections()
	writer := &kafka.Writer{Addr: kafka.TCP(address), Topic: topic, Transport: transport, AllowAutoTopicCreation: true, BatchTimeout: 10 * time.Millisecond, MaxAttempts: 30}
	defer writer.Close()
	value := rand.Text()
	if err := writer.WriteMessages(ctx, kafka.Message{Value: []byte(value)}); err != nil {
		return err
	}
	// Close waits until the request that is on its way is answered.
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{address}, Topic: topic, MaxWait: 100 * time.Millisecond, Dialer: &kafka.Dialer{TLS: config, SASLMechanism: mechanism, Timeout: patience}})
	defer reader.Close()
	for {
		message, err := reader.ReadMessage(ctx)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if string(message.Value) == value {
			return nil
		}
	}
}
