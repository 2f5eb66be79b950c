package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	urfave "github.com/urfave/cli/v2"
)

const (
	// caLife and certificateLife are how long what is made is good.
	caLife          = 10 * 365 * 24 * time.Hour
	certificateLife = 2 * 365 * 24 * time.Hour
)

func clusterCertsCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "certs", ArgsUsage: "DIR HOST…", Usage: "make certificates by which nodes know each other",
		Description: "Makes DIR/ca.crt and DIR/ca.key if they are not there yet, and DIR/HOST.crt and DIR/HOST.key for each host,\n" +
			"a name or an address under which other nodes reach it. Give a node ca.crt and its own two files:\n" +
			"--raft-ca, --raft-cert and --raft-key. Keep ca.key away from them: who has it can make nodes.\n" +
			"Certificates are good for two years; those that are there are not replaced without --renew.",
		Flags: []urfave.Flag{outputFlag(), &urfave.BoolFlag{Name: "renew", Usage: "replace certificates of hosts that are there"}},
		Action: func(c *urfave.Context) error {
			if c.Args().Len() < 2 {
				return usagef("such as `kont cluster certs certs 10.0.0.1 10.0.0.2 10.0.0.3`", "a directory and at least one host are wanted")
			}
			dir, hosts := c.Args().First(), c.Args().Tail()
			made, err := makeCertificates(dir, hosts, c.Bool("renew"), time.Now())
			if err != nil {
				return err
			}
			text := "made " + strings.Join(made, " ")
			if len(made) == 0 {
				text = "all are there already; --renew replaces them"
			}
			return newPrinter(c, p).line(map[string][]string{"files": append([]string{}, made...)}, text)
		},
	}
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         any
}

// makeCertificates returns the files that it wrote.
func makeCertificates(dir string, hosts []string, renews bool, now time.Time) (made []string, err error) {
	for _, host := range hosts {
		if host == "ca" || host != filepath.Base(host) || strings.ContainsAny(host, " =") || hasPort(host) {
			return nil, usagef("name it as other nodes reach it, without a port", "%q is no host", host)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ca, made, err := openAuthority(dir, now)
	if err != nil {
		return nil, err
	}
	for _, host := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		path := filepath.Join(dir, host+".crt")
		if _, err := os.Stat(path); !renews && !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return nil, err
			}
			continue
		}
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: host}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
			template.IPAddresses = []net.IP{ip}
		} else {
			template.DNSNames = []string{host}
		}
		files, _, err := writePair(filepath.Join(dir, host), template, ca)
		if err != nil {
			return nil, err
		}
		made = append(made, files...)
	}
	return made, nil
}

// hasPort tells whether a host is more than one: an IPv6 address has colons, too.
func hasPort(host string) bool {
	return strings.Contains(host, ":") && net.ParseIP(strings.Trim(host, "[]")) == nil
}

// openAuthority reads the authority of a directory, or makes it.
func openAuthority(dir string, now time.Time) (ca *authority, made []string, err error) {
	path := filepath.Join(dir, "ca")
	_, missing := os.Stat(path + ".crt")
	if errors.Is(missing, fs.ErrNotExist) {
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: "kont cluster"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(caLife),
			IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		}
		made, ca, err = writePair(path, template, nil)
		return ca, made, err
	}
	pair, err := tls.LoadX509KeyPair(path+".crt", path+".key")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, failf("bring "+path+".key back from where you keep it; or begin anew in another directory, and give all nodes the new certificates",
			"authority in %s: %w", dir, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("authority in %s: %w", dir, err)
	}
	return &authority{pair.Leaf, pair.PrivateKey}, nil, nil
}

// writePair writes a certificate and its key, signed by ca, or by itself if that is nil.
func writePair(path string, template *x509.Certificate, ca *authority) (files []string, made *authority, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, nil, err
	}
	if ca == nil {
		ca = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, &key.PublicKey, ca.key)
	if err != nil {
		return nil, nil, err
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	// The key first: a certificate without one would be taken for one that is there.
	for _, file := range []struct {
		path, kind string
		data       []byte
		mode       os.FileMode
	}{{path + ".key", "PRIVATE KEY", encodedKey, 0o600}, {path + ".crt", "CERTIFICATE", der, 0o644}} {
		if err := os.WriteFile(file.path+".tmp", pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.data}), file.mode); err != nil {
			return nil, nil, err
		}
		if err := os.Rename(file.path+".tmp", file.path); err != nil {
			return nil, nil, err
		}
		files = append(files, file.path)
	}
	return files, &authority{certificate, key}, nil
}
