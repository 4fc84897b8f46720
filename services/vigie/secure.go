package vigie

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"vigie/pkg/app"
	"vigie/pkg/peer"
)

// secured gives HTTPS a certificate where the operator has given none: of a local authority, made at the first start and kept
// apart from the one of the services. The certificate is made anew at each start, for the addresses that this machine has now.
func secured(cfg upConfig) (upConfig, error) {
	if cfg.App.ListenTLS == "" || cfg.App.TLSCert != "" {
		return cfg, nil
	}
	hosts := append(addresses(), "localhost", "127.0.0.1")
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	issued, err := peer.Issue(filepath.Join(cfg.Data, "tls"), "vigie", hosts...)
	if err != nil {
		return cfg, fmt.Errorf("certificate: %w", err)
	}
	cfg.App.TLSCert, cfg.App.TLSKey, cfg.authority = issued.Cert, issued.Key, issued.CA
	return cfg, nil
}

// addresses are those by which others of the same network reach this machine.
func addresses() []string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // then it is known by its name
	}
	var list []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			list = append(list, n.IP.String())
		}
	}
	return list
}

// authorityPath is where a device fetches the certificate of the local authority.
const authorityPath = "/authority.crt"

// authorityRoutes serves it, where there is one.
func authorityRoutes(file string) app.Routes {
	return app.Routes{Name: "authority", Add: func(_ huma.API, r chi.Router) {
		if file == "" {
			return
		}
		r.Get(authorityPath, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "application/x-x509-ca-cert")
			http.ServeFile(w, req, file)
		})
	}}
}
