// Package certificates serves TLS from files, and follows them: a certificate that is
// renewed is used from the next connection on, without a restart.
//
// It refuses TLS before 1.2, and to serve what does not fit together, such as a key
// that is none of the certificate's: see package followed. It stores nothing and starts
// no goroutine.
package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"kont/server/followed"
)

// Files are PEM files.
type Files struct {
	// Certificate holds the server's certificate and those between it and a root.
	Certificate string
	Key         string
	// ClientCA holds the roots of clients' certificates; empty where none are asked
	// for.
	ClientCA string
	// ClientAuth is whether clients have to have one.
	ClientAuth tls.ClientAuthType
}

// Watched serves what is in files now.
type Watched struct{ *followed.Files[*tls.Config] }

// Open reads the files. The error names what is wrong with which, and the setting that names one that is not there.
func Open(files Files, logger *slog.Logger) (Watched, error) {
	paths := []string{files.Certificate, files.Key}
	if files.ClientCA != "" {
		paths = append(paths, files.ClientCA)
	}
	for i, setting := range []string{"raft-cert, or cert of a listener", "raft-key, or key of a listener", "raft-ca, or client-ca of a listener"}[:len(paths)] {
		if _, err := os.Stat(paths[i]); err != nil {
			return Watched{}, fmt.Errorf("%s: %w", setting, err)
		}
	}
	read, err := followed.Open(logger, files.read, paths...)
	return Watched{read}, err
}

// TLS is the configuration of a listener.
func (w Watched) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return w.Current(), nil
		},
	}
}

func (f Files) read() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Certificate, f.Key, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   f.ClientAuth,
	}
	if f.ClientCA != "" {
		if config.ClientCAs, err = Roots(f.ClientCA); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// Roots reads a PEM file of certificates that are trusted.
func Roots(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: %w", path, errNoCertificate)
	}
	return pool, nil
}

var errNoCertificate = errors.New("no certificate in PEM")
