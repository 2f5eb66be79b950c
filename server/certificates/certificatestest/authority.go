// Package certificatestest makes certificates for tests: an authority, and those that
// it signs, as PEM files.
//
// It refuses to be of use outside of tests: keys are written where the caller says,
// and live for a day.
package certificatestest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// File is its own certificate.
	File string
}

// New makes an authority and its file in a directory of the test's.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t}
	template := a.template(pkix.Name{CommonName: "test authority"})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	a.cert, a.key = template, a.newKey()
	signed := a.sign(template, &a.key.PublicKey)
	var err error
	if a.cert, err = x509.ParseCertificate(signed); err != nil {
		t.Fatal(err)
	}
	a.File = filepath.Join(t.TempDir(), "ca.crt")
	a.write(a.File, "CERTIFICATE", signed)
	return a
}

// Issue writes a certificate for a name, good for 127.0.0.1, and its key.
func (a *Authority) Issue(name pkix.Name, certificateFile, keyFile string) {
	a.t.Helper()
	a.IssueUntil(name, time.Now().Add(24*time.Hour), certificateFile, keyFile)
}

// IssueUntil is Issue of a certificate that ends, or has ended, at a time.
func (a *Authority) IssueUntil(name pkix.Name, end time.Time, certificateFile, keyFile string) {
	a.t.Helper()
	key := a.newKey()
	template := a.template(name)
	template.NotAfter = end
	a.write(certificateFile, "CERTIFICATE", a.sign(template, &key.PublicKey))
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(keyFile, "PRIVATE KEY", encoded)
}

// Client is a client's configuration that trusts the authority and, if name is not
// empty, has a certificate for it.
func (a *Authority) Client(name pkix.Name) *tls.Config {
	a.t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AddCert(a.cert)
	if name.CommonName != "" {
		dir := a.t.TempDir()
		certificateFile, keyFile := filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key")
		a.Issue(name, certificateFile, keyFile)
		pair, err := tls.LoadX509KeyPair(certificateFile, keyFile)
		if err != nil {
			a.t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *Authority) template(name pkix.Name) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      name,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:     []string{"localhost"},
	}
}

func (a *Authority) sign(template *x509.Certificate, key *ecdsa.PublicKey) []byte {
	a.t.Helper()
	signed, err := x509.CreateCertificate(rand.Reader, template, a.cert, key, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed
}

func (a *Authority) write(path, kind string, data []byte) {
	a.t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}
