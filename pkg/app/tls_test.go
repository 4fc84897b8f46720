package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/peer"
)

func TestEverythingIsAnsweredOverHTTPSToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	issued, err := peer.Issue(dir, "vigie", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	cfg := quiet()
	cfg.ListenTLS, cfg.TLSCert, cfg.TLSKey = "127.0.0.1:0", issued.Cert, issued.Key
	ctx, stop := context.WithCancel(t.Context())
	up, done := make(chan *app.Address, 1), make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Module(cfg), fx.Invoke(func(lc fx.Lifecycle, a *app.Address) {
			lc.Append(fx.StartHook(func() { up <- a }))
		}))
	}()
	address := <-up
	ca, err := os.ReadFile(issued.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	seen := func() *x509.Certificate {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d/livez", address.SecurePort()), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK || res.Proto != "HTTP/2.0" {
			t.Errorf("%s over %s", res.Status, res.Proto)
		}
		return res.TLS.PeerCertificates[0]
	}
	before := seen()
	if _, err := peer.Issue(dir, "vigie", "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if seen().Equal(before) {
		t.Error("a certificate that was renewed is not taken up")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHTTPSWithoutACertificateSaysWhatToGive(t *testing.T) {
	t.Parallel()
	cfg := quiet()
	cfg.ListenTLS = "127.0.0.1:0"
	if err := app.Run(t.Context(), app.Module(cfg)); app.Status(err) != app.Usage {
		t.Errorf("none: %v", err)
	}
	cfg.TLSCert = filepath.Join(t.TempDir(), "none.crt")
	cfg.TLSKey = cfg.TLSCert
	if err := app.Run(t.Context(), app.Module(cfg)); err == nil {
		t.Error("a certificate that is not there is taken")
	}
}
