package cli

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	urfave "github.com/urfave/cli/v2"
)

const (
	envKafkaUser     = "KONT_KAFKA_USER"
	envKafkaPassword = "KONT_KAFKA_PASSWORD"

	defaultMechanism = "scram-sha-512"
	// passwordBytesMax bounds a password or token from a file.
	passwordBytesMax = 64 << 10
)

// kafkaSecurityFlags are how a command says who it is, and whom it trusts. There is
// none for the password: all users of a machine can read the arguments of a process.
func kafkaSecurityFlags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{Name: "kafka-ca", Usage: "PEM `FILE` of the roots that the server's certificate is checked with", DefaultText: "those of the system"},
		&urfave.StringFlag{Name: "kafka-cert", Usage: "PEM `FILE` of a certificate to connect with"},
		&urfave.StringFlag{Name: "kafka-key", Usage: "PEM `FILE` of its key"},
		&urfave.StringFlag{Name: "kafka-user", Usage: "`USER` to log in as (" + envKafkaUser + "); the password is in " + envKafkaPassword + " or a file"},
		&urfave.StringFlag{Name: "kafka-password-file", Usage: "`FILE` with the password, or the token for oauthbearer"},
		&urfave.StringFlag{Name: "kafka-sasl", Usage: "`MECHANISM` to log in with: plain, scram-sha-256, scram-sha-512, oauthbearer", Value: defaultMechanism},
	}
}

// kafkaAddress reads HOST:PORT, kafka://HOST:PORT or kafka+tls://USER@HOST:PORT.
func kafkaAddress(text string) (address, user string, isTLS bool, err error) {
	address = text
	if rest, found := strings.CutPrefix(text, "kafka+tls://"); found {
		address, isTLS = rest, true
	} else if rest, found := strings.CutPrefix(text, "kafka://"); found {
		address = rest
	}
	if at := strings.LastIndex(address, "@"); at >= 0 {
		user, address = address[:at], address[at+1:]
		if strings.Contains(user, ":") {
			// Not repeated: it would be in the error, too.
			return "", "", false, usagef("put it into "+envKafkaPassword+" or a file", "a Kafka address has no password in it")
		}
	}
	address = strings.TrimSuffix(address, "/")
	if _, _, splitErr := net.SplitHostPort(address); splitErr != nil {
		return "", "", false, usagef("write host:port, such as 127.0.0.1:9092, or kafka+tls://host:port", "%q is no Kafka address", address)
	}
	return address, user, isTLS, nil
}

// kafkaSecurity turns the flags into options of the client, and the address as it was
// given into the one to connect to.
func kafkaSecurity(c *urfave.Context, p Process, given string) (address string, options []kgo.Opt, err error) {
	address, user, isTLS, err := kafkaAddress(given)
	if err != nil {
		return "", nil, err
	}
	certificate, key := c.String("kafka-cert"), c.String("kafka-key")
	switch {
	case !isTLS && (c.String("kafka-ca") != "" || certificate != "" || key != ""):
		return "", nil, usagef("write --kafka kafka+tls://"+address, "--kafka-ca, --kafka-cert and --kafka-key are of TLS")
	case (certificate == "") != (key == ""):
		return "", nil, usagef("name both files", "--kafka-cert and --kafka-key: one without the other")
	case isTLS:
		config, err := tlsConfig(c.String("kafka-ca"), certificate, key)
		if err != nil {
			return "", nil, err
		}
		options = append(options, kgo.DialTLSConfig(config))
	}
	user = cmp.Or(c.String("kafka-user"), user, lookup(p.Env, envKafkaUser))
	mechanism := strings.ToLower(cmp.Or(c.String("kafka-sasl"), defaultMechanism))
	if user == "" && mechanism != "oauthbearer" {
		return address, options, nil
	}
	secret, err := kafkaSecret(c, p)
	if err != nil {
		return "", nil, err
	}
	switch mechanism {
	case "plain":
		options = append(options, kgo.SASL(plain.Auth{User: user, Pass: secret}.AsMechanism()))
	case "scram-sha-256":
		options = append(options, kgo.SASL(scram.Auth{User: user, Pass: secret}.AsSha256Mechanism()))
	case "scram-sha-512":
		options = append(options, kgo.SASL(scram.Auth{User: user, Pass: secret}.AsSha512Mechanism()))
	case "oauthbearer":
		options = append(options, kgo.SASL(oauth.Auth{Token: secret}.AsMechanism()))
	default:
		return "", nil, usagef("choose plain, scram-sha-256, scram-sha-512 or oauthbearer", "--kafka-sasl: no mechanism %q", mechanism)
	}
	return address, options, nil
}

func kafkaSecret(c *urfave.Context, p Process) (string, error) {
	path := c.String("kafka-password-file")
	if path == "" {
		if secret := lookup(p.Env, envKafkaPassword); secret != "" {
			return secret, nil
		}
		return "", usagef("put it into "+envKafkaPassword+" or name a file with --kafka-password-file", "there is a user and no password")
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > passwordBytesMax {
		return "", fmt.Errorf("%s: %d bytes, at most %d", path, info.Size(), passwordBytesMax)
	}
	data, err := os.ReadFile(path)
	return strings.TrimRight(string(data), "\r\n"), err
}

func tlsConfig(ca, certificate, key string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		data, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s: no certificate in PEM", ca)
		}
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", certificate, key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
