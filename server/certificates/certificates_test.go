package certificates

import (
	"bytes"
	"crypto/tls"
	"crypto/x509/pkix"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kont/server/certificates/certificatestest"
	"kont/server/followed"
)

// A clock that a test moves.
type clock struct{ now time.Time }

func (c *clock) step() { c.now = c.now.Add(2 * followed.CheckEvery) }

func open(t *testing.T, files Files) (Watched, *clock, *bytes.Buffer) {
	t.Helper()
	logged := &bytes.Buffer{}
	w, err := Open(files, slog.New(slog.NewTextHandler(logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{time.Now()}
	w.Now = func() time.Time { return c.now }
	return w, c, logged
}

// served is the name in the certificate that a client sees.
func served(t *testing.T, w Watched, client *tls.Config) (string, error) {
	t.Helper()
	clientSide, serverSide := net.Pipe()
	defer clientSide.Close()
	done := make(chan error, 1)
	go func() {
		defer serverSide.Close()
		server := tls.Server(serverSide, w.TLS())
		err := server.Handshake()
		if err == nil {
			// With TLS 1.3 a client learns with its first read that it was refused.
			_, err = server.Write([]byte("x"))
		}
		done <- err
	}()
	client = client.Clone()
	client.ServerName = "127.0.0.1"
	conn := tls.Client(clientSide, client)
	err := conn.Handshake()
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
	}
	if err != nil {
		clientSide.Close()
		<-done
		return "", err
	}
	if err := <-done; err != nil {
		return "", err
	}
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func TestRenewedCertificateIsServedAndADamagedOneIsNot(t *testing.T) {
	authority := certificatestest.New(t)
	dir := t.TempDir()
	files := Files{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	authority.Issue(pkix.Name{CommonName: "first"}, files.Certificate, files.Key)
	w, clock, logged := open(t, files)
	client := authority.Client(pkix.Name{})
	requireServed := func(want string) {
		t.Helper()
		if got, err := served(t, w, client); err != nil || got != want {
			t.Errorf("served %q, %v, want %q", got, err, want)
		}
	}
	requireServed("first")

	// Half of a renewal: the certificate is there and its key is not.
	second := filepath.Join(dir, "second")
	authority.Issue(pkix.Name{CommonName: "second"}, files.Certificate, second)
	later(t, files.Certificate)
	clock.step()
	requireServed("first")
	if !strings.Contains(logged.String(), "private key does not match") {
		t.Errorf("the log has no reason: %s", logged)
	}
	if err := os.Rename(second, files.Key); err != nil {
		t.Fatal(err)
	}
	later(t, files.Key)
	clock.step()
	requireServed("second")

	if err := os.Remove(files.Certificate); err != nil {
		t.Fatal(err)
	}
	clock.step()
	requireServed("second")
}

// later makes a file newer than any state of it before.
func later(t *testing.T, path string) {
	t.Helper()
	at := time.Now().Add(time.Minute)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestClientsCertificateIsAskedForAndChecked(t *testing.T) {
	authority, stranger := certificatestest.New(t), certificatestest.New(t)
	dir := t.TempDir()
	files := Files{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: authority.File,
		ClientAuth: tls.RequireAndVerifyClientCert}
	authority.Issue(pkix.Name{CommonName: "server"}, files.Certificate, files.Key)
	w, _, _ := open(t, files)
	if _, err := served(t, w, authority.Client(pkix.Name{CommonName: "alice"})); err != nil {
		t.Error(err)
	}
	if _, err := served(t, w, authority.Client(pkix.Name{})); err == nil {
		t.Error("a client without a certificate gets in")
	}
	forged := stranger.Client(pkix.Name{CommonName: "alice"})
	forged.RootCAs = authority.Client(pkix.Name{}).RootCAs
	if _, err := served(t, w, forged); err == nil {
		t.Error("a client with a stranger's certificate gets in")
	}
	old := authority.Client(pkix.Name{CommonName: "alice"})
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	if _, err := served(t, w, old); err == nil {
		t.Error("TLS 1.1 gets in")
	}
}

func TestFilesThatAreNoneAreNamed(t *testing.T) {
	authority := certificatestest.New(t)
	dir := t.TempDir()
	files := Files{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	authority.Issue(pkix.Name{CommonName: "server"}, files.Certificate, files.Key)
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(dir, "nowhere")
	for name, broken := range map[string]Files{
		"raft-cert, or cert of a listener: stat " + nowhere:    {Certificate: nowhere, Key: files.Key},
		"raft-key, or key of a listener: stat " + nowhere:      {Certificate: files.Certificate, Key: nowhere},
		"raft-ca, or client-ca of a listener: stat " + nowhere: {Certificate: files.Certificate, Key: files.Key, ClientCA: nowhere},
		"nowhere": {Certificate: filepath.Join(dir, "nowhere"), Key: files.Key},
		"empty":   {Certificate: files.Certificate, Key: empty},
		"tls.key": {Certificate: files.Certificate, Key: files.Key, ClientCA: files.Key},
	} {
		if _, err := Open(broken, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
