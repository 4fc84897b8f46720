package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/fx"
)

// Routes are what a module serves: operations of the API, described at /openapi.json, and handlers of the router, not described.
// An operation that needs a session names the security scheme BearerAuth.
type Routes struct {
	Name string // of the module; routes are added in order of it
	Add  func(api huma.API, router chi.Router)
}

// AsRoutes provides the Routes that constructor returns: fx.Provide(app.AsRoutes(newRoutes)).
func AsRoutes(constructor any) any {
	return fx.Annotate(constructor, fx.ResultTags(`group:"routes"`))
}

// BearerAuth is the name of the API's security scheme: Authorization: Bearer TOKEN.
const BearerAuth = "bearer"

type handlerParams struct {
	fx.In
	Log      *slog.Logger
	Registry *prometheus.Registry
	Ready    *readiness
	Routes   []Routes `group:"routes"`
}

// handler is everything the process answers over HTTP.
type handler struct{ http.Handler }

func newHandler(p handlerParams) (*handler, error) {
	r := chi.NewMux()
	r.Use(observe(p.Log, p.Registry), secure, recovered(p.Log), cookies, limited)
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		WriteProblem(w, http.StatusNotFound, "not_found", "there is nothing at this address; /docs lists what there is")
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		WriteProblem(w, http.StatusMethodNotAllowed, "method_not_allowed", "this address does not take that method; /docs lists what it takes")
	})
	r.Get("/livez", live)
	r.Get("/readyz", p.Ready.serve)
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(p.Registry, promhttp.HandlerOpts{}))
	if err := serveDocs(r); err != nil {
		return nil, err
	}

	api := newAPI(r, p.Log)
	routes := slices.Clone(p.Routes)
	slices.SortFunc(routes, func(a, b Routes) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range routes {
		m.Add(api, r)
	}

	// Once, now that all is added: the library's own handler does it on request, without a lock.
	spec, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("describe the api: %w", err)
	}
	r.Get("/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(spec) // the client is gone, and net/http knows
	})
	return &handler{r}, nil
}

func newAPI(r chi.Router, log *slog.Logger) huma.API {
	cfg := huma.DefaultConfig("Vigie", "1")
	cfg.Info.Description = "The control room of a group of hospitals: alarms in, incidents, missions and teams out. " +
		"Errors are application/problem+json; programs go by their code."
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // they add $schema to every body, pointing at /schemas
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		BearerAuth: {Type: "http", Scheme: "bearer", Description: "a session's token, or an alarm source's key"},
	}
	cfg.Transformers = []huma.Transformer{withCodes(log)}
	api := humachi.New(r, cfg)
	describeCodes(api)
	return api
}
