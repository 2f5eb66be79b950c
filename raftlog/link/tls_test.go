package link_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"kont/raftlog/link"
)

// Whoever has no certificate that the node trusts reaches no listener, whatever he says of himself.
func TestNobodyGetsInWithoutACertificate(t *testing.T) {
	trusted, other := certificate(t), certificate(t)
	mutual := mutualTLS(trusted, trusted)
	secured := func(node string) *link.Port {
		port, err := link.Open(link.Config{NodeID: node, ClusterID: "A", Bind: "127.0.0.1:0", TLS: func() *tls.Config { return mutual }, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { port.Close() })
		return port
	}
	here := secured("n1")
	without := mutualTLS(trusted, trusted)
	without.Certificates = nil
	for name, config := range map[string]*tls.Config{"none": without, "that of somebody else": mutualTLS(other, trusted), "no TLS": nil} {
		for _, purpose := range "rc" {
			raw, err := net.Dial("tcp", here.Address())
			if err != nil {
				t.Fatal(err)
			}
			conn := raw
			if config != nil {
				config.ServerName = "127.0.0.1"
				conn = tls.Client(raw, config)
			}
			conn.SetDeadline(time.Now().Add(patience))
			conn.Write([]byte("kont\x01" + string(purpose) + "\x01A\x02n2\x02n1")) //nolint:errcheck // it may be refused before
			if answer, _ := io.ReadAll(conn); len(answer) > 0 && config != nil {
				t.Errorf("certificate %s, purpose %c: answered with %q", name, purpose, answer)
			}
			raw.Close()
		}
	}
	there := secured("n2")
	for _, purpose := range []link.Purpose{link.Raft, link.Calls} {
		conn, err := there.Dial(t.Context(), purpose, "n1", here.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		first, err := here.Listener(purpose).Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		if peer, _ := link.PeerOf(first); peer != (link.Peer{NodeID: "n2", IsMember: true}) || first.RemoteAddr().String() != conn.LocalAddr().String() {
			t.Errorf("the first that comes in is %+v from %s", peer, first.RemoteAddr())
		}
	}
}

// certificate is one that signs itself, for 127.0.0.1.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// mutualTLS shows one certificate and trusts another.
func mutualTLS(own, trusted tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(trusted.Leaf)
	return &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
}
