package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"kont/kafkacompat/principal"
)

// A Listener is one address for Kafka clients, with its own settings. It is written as
// a URL:
//
//	kafka://HOST:PORT?name=internal
//	kafka+tls://HOST:PORT?cert=FILE&key=FILE&advertised=HOST:PORT&sasl=scram-sha-256,plain
//
// What stands behind the question mark is as in a path: + is a plus, %26 is &.
type Listener struct {
	// URL is what it was read from.
	URL string
	// Name is told apart from all others; by default what Kafka calls the protocol:
	// PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL.
	Name string
	// Address is host:port; port 0 takes a free one.
	Address string
	// Advertised is the host:port that metadata gives to clients of this listener;
	// empty for the address listened on.
	Advertised string

	IsTLS bool
	// Certificate, Key and ClientCA are PEM files.
	Certificate, Key, ClientCA string
	// ClientAuth is ClientAuthNone, ClientAuthRequested or ClientAuthRequired.
	ClientAuth string
	// PrincipalRules make users' names of the subjects of certificates.
	PrincipalRules string

	// SASL are the mechanisms that clients may choose from, in lower case; none where
	// they don't log in.
	SASL []string
	// ReauthenticateAfter ends sessions that are not authenticated again; 0 for never.
	ReauthenticateAfter time.Duration
}

// The values of Listener.ClientAuth.
const (
	ClientAuthNone      = "none"
	ClientAuthRequested = "requested"
	ClientAuthRequired  = "required"
)

// The values of Listener.SASL.
const (
	SASLPlain       = "plain"
	SASLScramSHA256 = "scram-sha-256"
	SASLScramSHA512 = "scram-sha-512"
	SASLOAuthBearer = "oauthbearer"
)

var saslMechanisms = []string{SASLPlain, SASLScramSHA256, SASLScramSHA512, SASLOAuthBearer}

// listenerParameters are what may stand behind the question mark.
var listenerParameters = []string{"name", "advertised", "cert", "key", "client-ca", "client-auth", "principal-rules", "sasl", "reauthenticate-after"}

// ParseListener reads a listener. The error joins all that is wrong with it.
func ParseListener(text string) (Listener, error) {
	l := Listener{URL: text, ClientAuth: ClientAuthNone}
	base, query, _ := strings.Cut(text, "?")
	scheme, address, hasScheme := strings.Cut(base, "://")
	switch {
	case hasScheme && scheme == "kafka":
	case hasScheme && scheme == "kafka+tls":
		l.IsTLS = true
	default:
		return l, fmt.Errorf("%q begins neither with kafka:// nor with kafka+tls://", text)
	}
	l.Address = strings.TrimSuffix(address, "/")

	var problems []error
	report := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf(format, args...))
	}
	seen := map[string]bool{}
	for parameter := range strings.SplitSeq(query, "&") {
		if parameter == "" {
			continue
		}
		name, encoded, _ := strings.Cut(parameter, "=")
		value, err := url.PathUnescape(encoded)
		switch {
		case err != nil:
			report("%s: %w", name, err)
			continue
		case seen[name]:
			report("%s: set twice", name)
			continue
		}
		seen[name] = true
		if err := l.set(name, value); err != nil {
			report("%w", err)
		}
	}
	if _, err := splitAddress(l.Address); err != nil {
		report("%w", err)
	}
	problems = append(problems, l.check()...)
	if l.Name == "" {
		l.Name = l.protocol()
	}
	return l, errors.Join(problems...)
}

func (l *Listener) set(name, value string) (err error) {
	switch name {
	case "name":
		l.Name = value
	case "advertised":
		l.Advertised = value
	case "cert":
		l.Certificate = value
	case "key":
		l.Key = value
	case "client-ca":
		l.ClientCA = value
	case "client-auth":
		l.ClientAuth = value
	case "principal-rules":
		l.PrincipalRules = value
	case "sasl":
		l.SASL = strings.Split(strings.ToLower(value), ",")
	case "reauthenticate-after":
		if l.ReauthenticateAfter, err = time.ParseDuration(value); err != nil {
			return fmt.Errorf("reauthenticate-after: %q is not a duration, such as 30m", value)
		}
	default:
		return fmt.Errorf("%s: no such setting of a listener; there are %s", name, strings.Join(listenerParameters, ", "))
	}
	return nil
}

// check is what can be said about a listener alone.
func (l *Listener) check() (problems []error) {
	report := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf(format, args...))
	}
	if strings.ContainsAny(l.Name, " \t/?&") {
		report("name: %q has spaces or slashes", l.Name)
	}
	if l.Advertised != "" {
		host, err := splitAddress(l.Advertised)
		switch {
		case err != nil:
			report("advertised: %w", err)
		case isUnspecified(host):
			report("advertised: %q is no address to connect to; name a host", l.Advertised)
		}
	} else if host, err := splitAddress(l.Address); err == nil && isUnspecified(host) {
		report("advertised: missing; clients can't connect to %s, so tell them a host with &advertised=HOST:PORT", l.Address)
	}
	if !slices.Contains([]string{ClientAuthNone, ClientAuthRequested, ClientAuthRequired}, l.ClientAuth) {
		report("client-auth: %q is none of %s, %s, %s", l.ClientAuth, ClientAuthNone, ClientAuthRequested, ClientAuthRequired)
	}
	isOfTLS := l.Certificate != "" || l.Key != "" || l.ClientCA != "" || l.ClientAuth != ClientAuthNone || l.PrincipalRules != ""
	switch {
	case !l.IsTLS && isOfTLS:
		report("cert, key, client-ca, client-auth and principal-rules are of TLS; write kafka+tls://")
	case l.IsTLS && (l.Certificate == "" || l.Key == ""):
		report("cert and key: missing; name PEM files with ?cert=FILE&key=FILE")
	case l.IsTLS && (l.ClientAuth == ClientAuthNone) != (l.ClientCA == ""):
		report("client-auth and client-ca: one without the other; client-ca has the roots that clients' certificates are checked with")
	}
	if _, err := principal.ParseRules(l.PrincipalRules); err != nil {
		report("principal-rules: %w", err)
	}
	for i, mechanism := range l.SASL {
		if !slices.Contains(saslMechanisms, mechanism) {
			report("sasl: %q is none of %s", mechanism, strings.Join(saslMechanisms, ", "))
		} else if slices.Contains(l.SASL[:i], mechanism) {
			report("sasl: %s twice", mechanism)
		}
	}
	if l.ReauthenticateAfter != 0 && (l.ReauthenticateAfter < time.Second || len(l.SASL) == 0) {
		report("reauthenticate-after: %s is less than 1s, or clients of the listener don't log in", l.ReauthenticateAfter)
	}
	return problems
}

// protocol is what Kafka calls how clients talk to the listener.
func (l *Listener) protocol() string {
	switch {
	case l.IsTLS && len(l.SASL) > 0:
		return "SASL_SSL"
	case l.IsTLS:
		return "SSL"
	case len(l.SASL) > 0:
		return "SASL_PLAINTEXT"
	default:
		return "PLAINTEXT"
	}
}

// IsAuthenticated tells whether the listener knows who its clients are.
func (l *Listener) IsAuthenticated() bool {
	return len(l.SASL) > 0 || l.ClientAuth == ClientAuthRequired
}

// sendsSecrets tells whether clients send what others could use to log in, for all on
// the way to read. SCRAM does not.
func (l *Listener) sendsSecrets() bool {
	return !l.IsTLS && (slices.Contains(l.SASL, SASLPlain) || slices.Contains(l.SASL, SASLOAuthBearer))
}

// validateOAuth is what the listener needs if tokens are among its mechanisms.
func (c Config) validateOAuth(l Listener, report func(format string, args ...any)) {
	if !slices.Contains(l.SASL, SASLOAuthBearer) {
		return
	}
	host, err := splitAddress(l.Address)
	switch {
	case c.OAuth.KeySet == "" && !c.OAuth.Unsigned:
		report("listener %s: nothing says which tokens of oauthbearer are good; name a key set with --oauth-key-set FILE", l.Name)
	case c.OAuth.Unsigned && err == nil && !isLoopback(host) && !c.Insecure:
		report("listener %s: with --oauth-unsigned, whoever reaches %s is who they say; name a key set with --oauth-key-set FILE, or accept it with --insecure", l.Name, l.Address)
	}
}

func isUnspecified(host string) bool { return host == "" || net.ParseIP(host).IsUnspecified() }

// KafkaListeners are the listeners for Kafka clients: those of --listener, or the one
// of --kafka-listen where there is none.
func (c Config) KafkaListeners() []Listener {
	if len(c.Listeners) > 0 {
		return c.Listeners
	}
	return []Listener{{
		Name: "PLAINTEXT", Address: c.KafkaListen, Advertised: c.KafkaAdvertise, ClientAuth: ClientAuthNone,
		URL: "kafka://" + c.KafkaListen,
	}}
}

// validateListeners is what can be said about all of them.
func (c Config) validateListeners(report func(format string, args ...any)) {
	if len(c.Listeners) == 0 {
		host, err := splitAddress(c.KafkaListen)
		switch {
		case err != nil:
			report("kafka-listen: %w", err)
		case !isLoopback(host) && !c.Insecure:
			report("kafka-listen: other machines can reach %s, and nobody has to log in there; listen on 127.0.0.1, "+
				"let clients log in with --listener 'kafka+tls://…?sasl=scram-sha-256&…', or accept it with --insecure", c.KafkaListen)
		}
		if c.KafkaAdvertise != "" {
			host, err := splitAddress(c.KafkaAdvertise)
			switch {
			case err != nil:
				report("kafka-advertise: %w", err)
			case isUnspecified(host):
				report("kafka-advertise: %q is no address to connect to; name a host", c.KafkaAdvertise)
			}
		}
		return
	}
	if c.KafkaListen != Default().KafkaListen || c.KafkaAdvertise != "" {
		report("kafka-listen and kafka-advertise: there is a listener as well; add `kafka://%s` to the listeners in their place", c.KafkaListen)
	}
	names := map[string]bool{}
	for _, l := range c.Listeners {
		if names[l.Name] {
			report("listener %s: there are two of the name %s; tell them apart with ?name=", l.URL, l.Name)
		}
		names[l.Name] = true
		c.validateOAuth(l, report)
		host, err := splitAddress(l.Address)
		if err != nil || isLoopback(host) || c.Insecure {
			continue
		}
		switch {
		case !l.IsAuthenticated():
			report("listener %s: other machines can reach %s, and nobody has to log in there; listen on 127.0.0.1, "+
				"add sasl=scram-sha-256 or client-auth=required, or accept it with --insecure", l.Name, l.Address)
		case l.sendsSecrets():
			report("listener %s: passwords and tokens for plain and oauthbearer would cross the network readable; "+
				"write kafka+tls://, use scram-sha-256, or accept it with --insecure", l.Name)
		}
	}
}
