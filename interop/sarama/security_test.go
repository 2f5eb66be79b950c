package sarama

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"hash"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

var security = flag.String("security", "", "TLS=HOST:PORT MTLS=HOST:PORT SASL=HOST:PORT DIR=where the certificates are; see interop/security.sh")

// token is unsigned: alice, until the year 2100.
const token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMH0."

type tokens struct{}

func (tokens) Token() (*sarama.AccessToken, error) { return &sarama.AccessToken{Token: token}, nil }

// conversation is what sarama leaves to its user.
type conversation struct {
	*scram.ClientConversation
	hash scram.HashGeneratorFcn
}

func (c *conversation) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err == nil {
		c.ClientConversation = client.NewConversation()
	}
	return err
}

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
	login := func(mechanism sarama.SASLMechanism, password string, newHash func() hash.Hash) func(*sarama.Config) {
		return func(c *sarama.Config) {
			c.Net.SASL.Enable, c.Net.SASL.Mechanism, c.Net.SASL.User, c.Net.SASL.Password = true, mechanism, "alice", password
			c.Net.SASL.TokenProvider = tokens{}
			c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: newHash} }
		}
	}
	for _, way := range []struct {
		name, listener string
		tls            *tls.Config
		login          func(*sarama.Config)
		refusal        error
	}{
		{"TLS", "TLS", trusting, nil, nil},
		{"mutual TLS", "MTLS", known, nil, nil},
		{"SASL PLAIN", "SASL", trusting, login(sarama.SASLTypePlaintext, "secret", nil), nil},
		{"SASL SCRAM-SHA-256", "SASL", trusting, login(sarama.SASLTypeSCRAMSHA256, "secret", sha256.New), nil},
		{"SASL SCRAM-SHA-512", "SASL", trusting, login(sarama.SASLTypeSCRAMSHA512, "secret", sha512.New), nil},
		{"SASL OAUTHBEARER", "SASL", trusting, login(sarama.SASLTypeOAuth, "", nil), nil},
		{"wrong passwords are refused", "SASL", trusting, login(sarama.SASLTypeSCRAMSHA512, "wrong", sha512.New), sarama.ErrSASLAuthenticationFailed},
	} {
		feature(t, way.name, func(t *testing.T) {
			c := config()
			c.Net.TLS.Enable, c.Net.TLS.Config = true, way.tls
			if way.login != nil {
				way.login(c)
			}
			err := trip(given[way.listener], c)
			if way.refusal == nil && err != nil || way.refusal != nil && !errors.Is(err, way.refusal) {
				t.Error(err)
			}
		})
	}
}

// trip writes a record and reads it back.
func trip(address string, c *sarama.Config) error {
	c.Metadata.Retry.Max = 1
	client, err := sarama.NewClient([]string{address}, c)
	if err != nil {
		return err
	}
	defer client.Close()
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		return err
	}
	defer producer.Close()
	value := rand.Text()
	partition, offset, err := producer.SendMessage(&sarama.ProducerMessage{Topic: "secure-sarama", Value: sarama.StringEncoder(value)})
	if err != nil {
		return err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return err
	}
	defer consumer.Close()
	records, err := consumer.ConsumePartition("secure-sarama", partition, offset)
	if err != nil {
		return err
	}
	defer records.Close()
	if got := string((<-records.Messages()).Value); got != value {
		return errors.New("read " + got + ", wrote " + value)
	}
	return nil
}
