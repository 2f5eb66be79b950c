package kafkacompat

import (
	"crypto/tls"
	"fmt"
	"time"

	"kont/kafkacompat/principal"
)

// asksWho tells whether clients of the listener have something to say before their
// first request: a handshake of TLS at least.
func (how *Listener) asksWho() bool { return how.TLS != nil }

// identify finds out who the client is, before anything is read that is not about
// that. Until then a connection has one goroutine, small frames and little time, and
// it counts among the unknown ones, so that strangers take nothing from those who are
// known.
//
// A client of a listener that asks nobody is ANONYMOUS, as on a Kafka broker.
func (c *conn) identify() error {
	c.principal = principal.Anonymous
	if !c.how.asksWho() {
		return nil
	}
	defer c.server.isKnown()
	if err := c.net.SetDeadline(time.Now().Add(c.server.config.AuthenticationTimeout)); err != nil {
		return err
	}
	if err := c.identifyByCertificate(); err != nil {
		return err
	}
	return c.net.SetDeadline(time.Time{})
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
func (s *Server) isKnown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown--
}
