package server

import (
	"crypto/tls"
	"fmt"
	"net"

	"kont/kafkacompat"
	"kont/kafkacompat/principal"
	"kont/server/certificates"
	"kont/server/config"
)

// kafkaListener is an open port for Kafka clients.
type kafkaListener struct {
	net.Listener
	advertised string
	how        kafkacompat.Listener
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
		n.kafkaListeners = append(n.kafkaListeners, kafkaListener{listener, settings.Advertised, how})
	}
	return nil
}

func listenFlag(c config.Config) string {
	if len(c.Listeners) > 0 {
		return "listener"
	}
	return "kafka-listen"
}

// serveKafka answers the clients of a listener until the node closes.
func (n *Node) serveKafka(listener kafkaListener) {
	if err := n.kafka.Serve(&countingListener{listener.Listener, n.metrics.ObserveConnections}, listener.how); err != nil {
		n.fail(fmt.Errorf("serve Kafka on %s: %w", listener.Addr(), err))
	}
}

// listenerFor turns the settings of a listener into what serves it.
func (n *Node) listenerFor(how config.Listener) (kafkacompat.Listener, error) {
	listener := kafkacompat.Listener{Name: how.Name}
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
