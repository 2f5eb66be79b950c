package kafkacompat

import (
	"net"
	"net/netip"
	"time"
)

const (
	// failedLoginsFree is how many logins of an address may fail before the next failure
	// takes longer to be told; each of them is forgotten after failedLoginForgotten.
	failedLoginsFree     = 20
	failedLoginForgotten = time.Second
	// addressesMax bounds the addresses without connections whose failures are known.
	addressesMax = 20_000
)

// addresses knows what the clients of an address do together, so that one address has
// neither all connections, nor all room for those who have not said who they are, nor all
// the time of a processor to guess passwords in.
//
// Nobody is locked out by the failures of others at the same address, behind which there
// may be a whole network: only failures take longer, the more there were. As an address
// has few connections on which nobody is known, it can't make more at a time for it.
//
// Its owner is who holds Server.mu.
//
// Invariant: an address without connections and without failures to remember has no entry
// after makeRoom, and there are at most addressesMax entries without connections.
type addresses map[string]*address

type address struct {
	// connections are open, on unknown of them nobody has said who is there.
	connections int
	unknown     int
	// failures of logins, of which one is forgotten each failedLoginForgotten, as of at.
	failures float64
	at       time.Time
}

// addressOf is whose connection it is. A network of IPv6 is one: whoever has one address
// of it mostly has all 2^64.
func addressOf(conn net.Conn) string {
	host := remoteHost(conn)
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}

// of finds or makes the entry of an address.
func (all addresses) of(name string, now time.Time) *address {
	a := all[name]
	if a == nil {
		all.makeRoom(now)
		a = &address{at: now}
		all[name] = a
	}
	return a
}

// left is called after a connection of the address has ended.
func (all addresses) left(name string, now time.Time) {
	if a := all[name]; a != nil && a.connections == 0 && a.failuresAt(now) == 0 {
		delete(all, name)
	}
}

// makeRoom forgets addresses that have no connections: those without failures, and if
// there are too many others, any.
func (all addresses) makeRoom(now time.Time) {
	if len(all) < addressesMax {
		return
	}
	idle := 0
	for name, a := range all {
		if a.connections > 0 {
			continue
		}
		if idle++; a.failuresAt(now) == 0 {
			delete(all, name)
			idle--
		}
	}
	for name, a := range all {
		if idle < addressesMax {
			return
		}
		if a.connections == 0 {
			delete(all, name)
			idle--
		}
	}
}

func (a *address) failuresAt(now time.Time) float64 {
	passed := max(0, now.Sub(a.at))
	return max(0, a.failures-float64(passed)/float64(failedLoginForgotten))
}

// failed notes a failure and says how long the client waits until it is told: as long as
// at the first failures, and as much longer for each more, but never longer than longest.
func (a *address) failed(now time.Time, first, longest time.Duration) time.Duration {
	a.failures, a.at = a.failuresAt(now)+1, now
	return max(first, min(longest, first*time.Duration(max(1, a.failures-failedLoginsFree+1))))
}

// failedLogin counts a login that failed and waits, so that whoever guesses passwords
// makes few guesses. It waits from when the message arrived: how long a password took to
// be hashed, which is not the same for all users, is not told with the refusal.
func (c *conn) failedLogin(arrived time.Time) {
	s := c.server
	now := time.Now()
	s.mu.Lock()
	// An entry is there as long as the connection is.
	wait := s.addresses.of(c.address, now).failed(now, s.config.FailedAuthenticationDelay, s.config.AuthenticationTimeout/2)
	s.mu.Unlock()
	sleep(c.ctx, wait-now.Sub(arrived))
}
