package server

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"

	"kont/kafkacompat"
	"kont/kafkacompat/principal"
	"kont/kafkacompat/sasl"
	"kont/server/certificates"
	"kont/server/config"
	"kont/server/followed"
	"kont/statemachine/command"
)

// kafkaListener is an open port for Kafka clients.
type kafkaListener struct {
	net.Listener
	advertised string
	how        kafkacompat.Listener
	// sasl are the mechanisms that clients may choose from.
	sasl []string
	// admit ends that clients are turned away.
	admit func()
}

// listenForKafka opens the ports of all listeners, and the files of those with TLS.
func (n *Node) listenForKafka() error {
	for _, settings := range n.config.KafkaListeners() {
		how, err := n.listenerFor(settings)
		if err != nil {
			return fmt.Errorf("listener %s: %w", settings.Name, err)
		}
		listener, err := net.Listen("tcp", settings.Address)
		if err != nil {
			return fmt.Errorf("listen for Kafka clients: %w; choose another address with --%s", err, listenFlag(n.config.Config))
		}
		n.onClose(ignoreClosed(listener))
		n.logger.Info("listens for Kafka clients", "listener", settings.Name, "address", listener.Addr().String())
		n.kafkaListeners = append(n.kafkaListeners, kafkaListener{listener, settings.Advertised, how, settings.SASL, n.turnAway(listener.(*net.TCPListener))})
	}
	return nil
}

func listenFlag(c config.Config) string {
	if len(c.Listeners) > 0 {
		return "listener"
	}
	return "kafka-listen"
}

// serveKafkaOn answers the clients of a listener until the node closes.
func (n *Node) serveKafkaOn(listener kafkaListener) {
	how := listener.how
	how.SASL = n.mechanisms(listener.sasl)
	if err := n.kafka.Serve(&countingListener{listener.Listener, n.metrics.ObserveConnections}, how); err != nil {
		n.fail(fmt.Errorf("serve Kafka on %s: %w", listener.Addr(), err))
	}
}

// listenerFor turns the settings of a listener into what serves it.
func (n *Node) listenerFor(how config.Listener) (kafkacompat.Listener, error) {
	listener := kafkacompat.Listener{Name: how.Name, ReauthenticateAfter: how.ReauthenticateAfter}
	if !how.IsTLS {
		return listener, nil
	}
	rules, err := principal.ParseRules(how.PrincipalRules)
	if err != nil {
		return listener, err
	}
	listener.PrincipalRules = rules
	watched, err := certificates.Open(certificates.Files{
		Certificate: how.Certificate, Key: how.Key, ClientCA: how.ClientCA,
		ClientAuth: map[string]tls.ClientAuthType{
			config.ClientAuthRequested: tls.VerifyClientCertIfGiven,
			config.ClientAuthRequired:  tls.RequireAndVerifyClientCert,
		}[how.ClientAuth],
	}, n.logger.With("listener", how.Name))
	if err != nil {
		return listener, err
	}
	listener.TLS = watched.TLS()
	return listener, nil
}

// mechanisms are those that the settings name.
func (n *Node) mechanisms(names []string) []sasl.Mechanism {
	var all []sasl.Mechanism
	for _, name := range names {
		switch name {
		case config.SASLPlain:
			all = append(all, sasl.Plain(n.store, n.scramSecret))
		case config.SASLScramSHA256:
			all = append(all, sasl.Scram(command.ScramSHA256, n.store, n.scramSecret))
		case config.SASLScramSHA512:
			all = append(all, sasl.Scram(command.ScramSHA512, n.store, n.scramSecret))
		case config.SASLOAuthBearer:
			all = append(all, sasl.OAuthBearer(n.tokens))
		}
	}
	return all
}

// readTokenKeys makes the rules for tokens, before anything is written.
func (n *Node) readTokenKeys() error {
	oauth := n.config.OAuth
	n.tokens = &sasl.TokenRules{
		AllowUnsigned: oauth.Unsigned, Issuer: oauth.Issuer, Audiences: oauth.Audiences, Scopes: oauth.Scopes,
		PrincipalClaim: oauth.PrincipalClaim, ScopeClaim: oauth.ScopeClaim, ClockSkew: oauth.ClockSkew,
	}
	if oauth.KeySet == "" {
		return nil
	}
	keys, err := followed.Open(n.logger, func() (sasl.Keys, error) {
		data, err := os.ReadFile(oauth.KeySet)
		if err != nil {
			return sasl.Keys{}, err
		}
		keys, err := sasl.ParseKeys(data)
		if err != nil {
			err = fmt.Errorf("%s: %w", oauth.KeySet, err)
		}
		return keys, err
	}, oauth.KeySet)
	if err != nil {
		return fmt.Errorf("oauth-key-set: %w", err)
	}
	n.tokens.Keys = keys.Current
	return nil
}
