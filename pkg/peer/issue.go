package peer

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
	"time"

	"github.com/google/renameio/v2"
)

const (
	authorityFor   = 10 * 365 * 24 * time.Hour
	certificateFor = 825 * 24 * time.Hour
	// backdated is for machines whose clocks are behind.
	backdated = time.Hour
)

// Issued are the files of a directory of certificates. Its authority's key signs, and belongs on no machine but the one
// where certificates are made.
func Issued(dir, name string) Credentials {
	return Credentials{
		CA: filepath.Join(dir, "ca.crt"), Cert: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key"),
	}
}

// Issue makes a certificate in dir for a service of this name at these hosts, and the authority when dir has none. All
// files are readable by their owner only.
func Issue(dir, name string, hosts ...string) (Credentials, error) {
	files := Issued(dir, name)
	if name == "" || name != filepath.Base(name) || name == "ca" {
		return files, fmt.Errorf("certificate: %q names no service", name)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return files, fmt.Errorf("certificates: %w", err)
	}
	authority, err := authorityOf(dir)
	if err != nil {
		return files, fmt.Errorf("authority in %s: %w", dir, err)
	}
	template, err := newTemplate(name, certificateFor)
	if err != nil {
		return files, fmt.Errorf("certificate: %w", err)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.DNSNames = []string{name}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if h != name {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	if err := sign(template, authority, files.Cert, files.Key); err != nil {
		return files, fmt.Errorf("certificate: %w", err)
	}
	return files, nil
}

// Ensure is Issue, unless there is a certificate that is good for a while yet.
func Ensure(dir, name string, hosts ...string) (Credentials, error) {
	files := Issued(dir, name)
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if errors.Is(err, fs.ErrNotExist) {
		return Issue(dir, name, hosts...)
	}
	if err != nil {
		return files, fmt.Errorf("certificate %s: %w", files.Cert, err)
	}
	if time.Until(pair.Leaf.NotAfter) < certificateFor/3 {
		return Issue(dir, name, hosts...)
	}
	return files, nil
}

// authorityOf reads the authority of a directory, or makes it.
func authorityOf(dir string) (tls.Certificate, error) {
	cert, key := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	// Half of an authority is not overwritten: it has signed what others go by.
	for _, path := range []string{cert, key} {
		if _, found := os.Stat(path); found == nil {
			return tls.Certificate{}, fmt.Errorf("only one of ca.crt and ca.key is there: bring the other back, or give an empty directory: %w", err)
		}
	}
	template, err := newTemplate("Vigie authority", authorityFor)
	if err != nil {
		return tls.Certificate{}, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign
	if err := sign(template, tls.Certificate{}, cert, key); err != nil {
		return tls.Certificate{}, err
	}
	return tls.LoadX509KeyPair(cert, key)
}

func newTemplate(name string, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Vigie"}},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(life),
	}, err
}

// sign makes a key and its certificate, by an authority or, without one, by itself.
func sign(template *x509.Certificate, by tls.Certificate, certPath, keyPath string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	parent, signer := template, any(key)
	if by.Leaf != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		renameio.WriteFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
		renameio.WriteFile(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
	)
}
