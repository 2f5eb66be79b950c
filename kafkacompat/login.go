package kafkacompat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"kont/kafkacompat/principal"
	"kont/kafkacompat/sasl"
	"kont/kafkacompat/wire"
)

// requestBytesUnknown bounds what is read of a client before it is known: tokens are
// the largest of it.
const requestBytesUnknown = 64 << 10

var (
	// errUnknownMechanism: the client has been told which ones there are.
	errUnknownMechanism = fmt.Errorf("the client chose an unknown SASL mechanism: %w", errCloseConn)
	// errNotLoggedIn: the client is to log in, and asked for something else.
	errNotLoggedIn = errors.New("request before authentication")
	// errSessionOver: the client was told how long its session lives.
	errSessionOver = fmt.Errorf("session has expired: %w", errCloseConn)
)

// A login is what a connection has of SASL. Its owner is whoever answers requests.
//
//	          SaslHandshake         SaslAuthenticate…
//	(nothing) ─────────────▶ exchange ─────────────▶ isDone ─┐ SaslHandshake, before
//	                            ▲                            │ expiresAt
//	                            └────────────────────────────┘
//
// Invariant: after failure nothing is answered any more.
type login struct {
	// exchange is nil but between a handshake and its end. isBare tells that its
	// messages come without requests around them.
	exchange  sasl.Exchange
	mechanism string
	isBare    bool
	isDone    bool
	// expiresAt is when the session ends, zero for never.
	expiresAt time.Time
	// isRefused tells that the client will not get in; failure is set once it has
	// been told all that there is to tell.
	isRefused bool
	failure   error
}

func (l *login) begin(mechanism sasl.Mechanism, isBare bool) {
	if l.isDone && l.mechanism != mechanism.Name() {
		l.exchange = refusing{&changed{"mechanisms"}}
		return
	}
	l.exchange, l.mechanism, l.isBare = mechanism.Begin(), mechanism.Name(), isBare
}

// changed refuses who logs in again as somebody else, which Kafka forbids: what was
// asked before would be the new one's.
type changed struct{ what string }

func (c *changed) Error() string { return "Cannot change " + c.what + " during re-authentication" }

// refusing is an exchange without hope.
type refusing struct{ err error }

func (r refusing) Next([]byte) ([]byte, *sasl.Identity, error) { return nil, nil, r.err }

// loginNext gives a message to the exchange. The error is for the client; the
// connection ends with it.
func (c *conn) loginNext(message []byte) ([]byte, error) {
	l := &c.login
	answer, who, err := l.exchange.Next(message)
	if err == nil && who != nil {
		name := principal.Of(who.Name)
		switch {
		case l.isDone && name != c.principal:
			// No answer: that of SCRAM would tell the client that it is in.
			answer, err = nil, &changed{"principals"}
		default:
			c.principal = name
			l.exchange, l.isDone = nil, true
			l.expiresAt = who.ExpiresAt
			if after := c.how.ReauthenticateAfter; after > 0 {
				if at := time.Now().Add(after); l.expiresAt.IsZero() || at.Before(l.expiresAt) {
					l.expiresAt = at
				}
			}
		}
	}
	if err == nil {
		return answer, nil
	}
	if !l.isRefused {
		// Logged here, because a client may go as soon as it has its answer.
		l.isRefused = true
		c.server.failedLogins.Add(1)
		c.logger.Info("kafka client is refused", "mechanism", l.mechanism, "reason", err)
	}
	if answer != nil {
		return answer, nil
	}
	l.failure = fmt.Errorf("authentication with %s has failed: %w", l.mechanism, errCloseConn)
	return nil, err
}

// admits tells whether a request may be answered now, by what is known of the client.
// All requests pass here, and those that tell who the client is.
func (c *conn) admits(r *request) error {
	l := &c.login
	switch {
	case len(c.how.SASL) == 0:
		return nil
	case l.exchange != nil:
		if r.api.key != keySASLAuthenticate {
			return fmt.Errorf("%w: %s between the messages of %s", errNotLoggedIn, r.api.name, l.mechanism)
		}
	case !l.isDone:
		if r.api.key != keySASLHandshake && r.api.key != keyApiVersions {
			return fmt.Errorf("%w: %s", errNotLoggedIn, r.api.name)
		}
	case r.api.key != keySASLHandshake && !l.expiresAt.IsZero() && r.arrived.After(l.expiresAt):
		return errSessionOver
	}
	return nil
}

// logIn answers requests until the client has logged in.
func (c *conn) logIn() error {
	for !c.login.isDone {
		if c.login.exchange != nil && c.login.isBare {
			if err := c.logInBare(); err != nil {
				return err
			}
			continue
		}
		r, err := c.readLogin()
		if err != nil {
			return err
		}
		if err := c.answerOne(r); err != nil {
			return err
		}
	}
	return nil
}

// readLogin reads a request of somebody who is not known yet.
func (c *conn) readLogin() (*request, error) {
	bytes, key, err := wire.ReadSize(c.reader)
	if err != nil {
		return nil, err
	}
	if bytes > requestBytesUnknown {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errNotLoggedIn, bytes, requestBytesUnknown)
	}
	a := apiForKey(key)
	if a == nil {
		return nil, fmt.Errorf("%w: API key %d", errNotLoggedIn, key)
	}
	r := &request{api: a, bytes: bytes}
	if err := c.admits(r); err != nil {
		return nil, err
	}
	return r, c.readRequest(c.reader, r)
}

// logInBare takes one message of a client that chose its mechanism with SaslHandshake
// version 0, and answers it alike: four bytes of length and the message. A failure has
// no words there; the connection closes.
func (c *conn) logInBare() error {
	var prefix [4]byte
	if _, err := io.ReadFull(c.reader, prefix[:]); err != nil {
		return err
	}
	bytes := int32(binary.BigEndian.Uint32(prefix[:]))
	if bytes < 0 || bytes > requestBytesUnknown {
		return fmt.Errorf("%w: SASL message of %d bytes, at most %d", errNotLoggedIn, bytes, requestBytesUnknown)
	}
	message := make([]byte, bytes)
	if _, err := io.ReadFull(c.reader, message); err != nil {
		return err
	}
	arrived := time.Now()
	answer, err := c.loginNext(message)
	if err != nil {
		c.failedLogin(arrived)
		return c.login.failure
	}
	if err := c.net.SetWriteDeadline(time.Now().Add(c.server.config.WriteTimeout)); err != nil {
		return err
	}
	_, err = c.net.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...))
	return err
}
