// Package certificates serves TLS from files, and follows them: a certificate that is
// renewed is used from the next connection on, without a restart.
//
// It refuses TLS before 1.2, and to serve what does not fit together: where a new
// file can't be read, or a key is none of the certificate's, the last ones that were
// good go on being used, and the log says so once. It stores nothing and starts no
// goroutine: the files' times are looked at when a client connects, at most once a
// second.
package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
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

// checkEvery is how often the files' times are looked at.
const checkEvery = time.Second

// Watched serves what is in files now.
type Watched struct {
	files  Files
	logger *slog.Logger
	now    func() time.Time

	// mu guards the fields below.
	mu      sync.Mutex
	config  *tls.Config
	times   []fileTime
	checked time.Time
}

// fileTime tells one state of a file from another. The size is for file systems that
// have coarse times.
type fileTime struct {
	modified time.Time
	bytes    int64
}

// Open reads the files. The error names what is wrong with which.
func Open(files Files, logger *slog.Logger) (*Watched, error) {
	w := &Watched{files: files, logger: logger, now: time.Now}
	times, err := w.stat()
	if err != nil {
		return nil, err
	}
	if w.config, err = w.read(); err != nil {
		return nil, err
	}
	w.times, w.checked = times, w.now()
	return w, nil
}

// TLS is the configuration of a listener.
func (w *Watched) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return w.current(), nil
		},
	}
}

// current is what the files hold, or held when they were good.
func (w *Watched) current() *tls.Config {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if since := now.Sub(w.checked); since >= 0 && since < checkEvery {
		return w.config
	}
	w.checked = now
	times, err := w.stat()
	if err == nil && sameTimes(times, w.times) {
		return w.config
	}
	var config *tls.Config
	if err == nil {
		config, err = w.read()
	}
	if err != nil {
		// The times stay the old ones: half of a renewal may be there, and the
		// other half comes.
		w.logger.Error("certificate files are not used; the last good ones are", "error", err)
		return w.config
	}
	w.config, w.times = config, times
	w.logger.Info("certificate files are read anew", "certificate", w.files.Certificate)
	return w.config
}

func (w *Watched) paths() []string {
	paths := []string{w.files.Certificate, w.files.Key}
	if w.files.ClientCA != "" {
		paths = append(paths, w.files.ClientCA)
	}
	return paths
}

func (w *Watched) stat() ([]fileTime, error) {
	var times []fileTime
	for _, path := range w.paths() {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		times = append(times, fileTime{info.ModTime(), info.Size()})
	}
	return times, nil
}

func sameTimes(a, b []fileTime) bool {
	for i := range a {
		if !a[i].modified.Equal(b[i].modified) || a[i].bytes != b[i].bytes {
			return false
		}
	}
	return len(a) == len(b)
}

func (w *Watched) read() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(w.files.Certificate, w.files.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", w.files.Certificate, w.files.Key, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   w.files.ClientAuth,
	}
	if w.files.ClientCA != "" {
		if config.ClientCAs, err = Roots(w.files.ClientCA); err != nil {
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
