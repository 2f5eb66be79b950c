package kafkacompat

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

type connFrom struct {
	net.Conn
	address string
}

type textAddr string

func (a textAddr) Network() string      { return "tcp" }
func (a textAddr) String() string       { return string(a) }
func (c connFrom) RemoteAddr() net.Addr { return textAddr(c.address) }

func TestNetworkOfIPv6IsOneAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":              "192.0.2.7",
		"[::ffff:192.0.2.7]:1234":     "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:1234": "2001:db8:1:2::/64",
		"[2001:db8:1:2::1]:1234":      "2001:db8:1:2::/64",
		"[2001:db8:1:3::1]:1234":      "2001:db8:1:3::/64",
		"[fe80::1%eth0]:1234":         "fe80::/64",
		"pipe":                        "pipe",
	} {
		if got := addressOf(connFrom{address: remote}); got != want {
			t.Errorf("%s is of %s, want %s", remote, got, want)
		}
	}
}

// The more logins of an address fail the longer the next failure takes, up to half of
// the time that there is for a login; other addresses don't notice, and it is forgotten.
func TestFailuresOfAnAddressTakeLongerTheMoreThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{addresses: make(addresses), config: Config{FailedAuthenticationDelay: 100 * time.Millisecond, AuthenticationTimeout: 10 * time.Second}}
		c := &conn{server: s, address: "a", ctx: context.Background()}
		took := func(c *conn) time.Duration {
			began := time.Now()
			c.failedLogin(began)
			return time.Since(began)
		}
		for i := range failedLoginsFree {
			if d := took(c); d != 100*time.Millisecond {
				t.Errorf("failure %d takes %s", i, d)
			}
		}
		// What a password takes to be hashed is not to be seen.
		began := time.Now()
		time.Sleep(30 * time.Millisecond)
		(&conn{server: s, address: "c", ctx: context.Background()}).failedLogin(began)
		if d := time.Since(began); d != 100*time.Millisecond {
			t.Errorf("a failure that took 30 ms to be found is told after %s", d)
		}
		// Connections at the same time, as those who guess have them.
		done := make(chan time.Duration, 200)
		for range cap(done) {
			go func() { done <- took(c) }()
		}
		var sum, longest time.Duration
		for range cap(done) {
			d := <-done
			sum, longest = sum+d, max(longest, d)
		}
		if longest != 5*time.Second || sum < 700*time.Second {
			t.Errorf("200 failures at a time take %s in sum and %s at most", sum, longest)
		}
		if d := took(&conn{server: s, address: "b", ctx: context.Background()}); d != 100*time.Millisecond {
			t.Errorf("the failure of another address takes %s", d)
		}
		time.Sleep(250 * failedLoginForgotten)
		if d := took(c); d != 100*time.Millisecond {
			t.Errorf("after all is forgotten it takes %s", d)
		}
	})
}

func TestAddressesAreBounded(t *testing.T) {
	all := make(addresses)
	now := time.Now()
	all.of("connected", now).connections = 1
	for i := range addressesMax + 100 {
		all.of(fmt.Sprint(i), now).failed(now, 1, 1)
	}
	if len(all) > addressesMax+1 || all["connected"] == nil {
		t.Errorf("%d addresses, the one with a connection is there: %v", len(all), all["connected"] != nil)
	}
	later := now.Add(2 * failedLoginForgotten)
	all.of("another", later)
	if len(all) != 2 {
		t.Errorf("%d addresses of which failures are known, after all are forgotten", len(all))
	}
	all.left("another", later)
	all.left("connected", later)
	if len(all) != 1 {
		t.Errorf("%d addresses, want the one that is connected", len(all))
	}
}
