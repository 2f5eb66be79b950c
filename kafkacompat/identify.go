package kafkacompat

import (
	"crypto/tls"
	"fmt"
	"time"

	"kont/kafkacompat/principal"
)

// asksWho tells whether clients of the listener have something to say before their
// first request: a handshake of TLS at least.
func (how *Listener) asksWho() bool { return how.TLS != nil || len(how.SASL) > 0 }

// identify finds out who the client is, before anything is read that is not about
// that. Until then a connection has one goroutine, small frames and little time, and
// it counts among the unknown ones, so that strangers take nothing from those who are
// known.
//
// A client of a listener that asks nobody is ANONYMOUS, as on a Kafka broker. One that
// logs in is who it logs in as, whatever its certificate says.
func (c *conn) identify() error {
	c.principal = principal.Anonymous
	if !c.how.asksWho() {
		return nil
	}
	defer c.server.isKnown(c)
	// Not a deadline: those are set anew while requests are read.
	timer := time.AfterFunc(c.server.config.AuthenticationTimeout, func() {
		c.logger.Info("kafka client took too long to authenticate", "timeout", c.server.config.AuthenticationTimeout)
		c.close()
	})
	defer timer.Stop()
	err := c.identifyByCertificate()
	if err == nil && len(c.how.SASL) > 0 {
		err = c.logIn()
	}
	if err == nil {
		c.logger.Debug("kafka client is known", "principal", c.principal)
	}
	return err
}

// identifyByCertificate shakes hands, and takes the client's name from its
// certificate if it has one.
func (c *conn) identifyByCertificate() error {
	secured, isTLS := c.net.(*tls.Conn)
	if !isTLS {
		return nil
	}
	if err := secured.HandshakeContext(c.ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	certificates := secured.ConnectionState().PeerCertificates
	if len(certificates) == 0 {
		return nil
	}
	subject, err := principal.DistinguishedName(certificates[0].RawSubject)
	if err != nil {
		return err
	}
	name, err := c.how.PrincipalRules.Name(subject)
	if err != nil {
		return err
	}
	c.principal = principal.Of(name)
	return nil
}

// isKnown notes that one connection less is unknown.
func (s *Server) isKnown(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown--
	s.addresses[c.address].unknown--
}
