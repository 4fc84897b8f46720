package app

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// ProblemError is an error as the API tells it: RFC 9457 plus a code, which is what programs go by.
type ProblemError struct {
	Title  string              `json:"title"`
	Status int                 `json:"status"`
	Code   string              `json:"code"`
	Detail string              `json:"detail,omitempty"`
	Errors []*huma.ErrorDetail `json:"errors,omitempty"`
}

// Error returns the detail.
func (p *ProblemError) Error() string { return p.Detail }

// GetStatus is the status of the response.
func (p *ProblemError) GetStatus() int { return p.Status }

// ContentType makes the response application/problem+json.
func (p *ProblemError) ContentType(string) string { return problemJSON }

const problemJSON = "application/problem+json"

// Problem is the error an API handler returns: code for programs, detail for people, saying what to do.
func Problem(status int, code, detail string) error { return problem(status, code, detail) }

func problem(status int, code, detail string) *ProblemError {
	return &ProblemError{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// WriteProblem answers with a problem outside the API, where a handler has the response writer itself.
func WriteProblem(w http.ResponseWriter, status int, code, detail string) {
	writeJSON(w, status, problemJSON, problem(status, code, detail))
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone, and net/http knows
}

// codes are for what the HTTP layer itself refuses; a module's problems bring their own.
func codeOf(status int) string {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return "invalid_request"
	case http.StatusUnauthorized:
		return "unauthenticated"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusMethodNotAllowed:
		return "method_not_allowed"
	case http.StatusNotAcceptable:
		return "not_acceptable"
	case http.StatusRequestTimeout:
		return "request_timeout"
	case http.StatusConflict:
		return "conflict"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusUnsupportedMediaType:
		return "unsupported_media_type"
	case http.StatusTooManyRequests:
		return "too_many_requests"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	if status < http.StatusInternalServerError {
		return "invalid_request"
	}
	return "internal"
}

// withCodes turns the API library's own errors into problems. It is a transformer of one API and not a replacement of
// huma.NewError, which is package state: two apps in one process, as in tests, would share it.
func withCodes(log *slog.Logger) huma.Transformer {
	return func(ctx huma.Context, _ string, v any) (any, error) {
		m, ok := v.(*huma.ErrorModel)
		if !ok {
			return v, nil
		}
		p := problem(m.Status, codeOf(m.Status), m.Detail)
		if m.Status < http.StatusInternalServerError {
			for _, e := range m.Errors {
				// Without the value: it may be a password, and the caller knows what it sent.
				p.Errors = append(p.Errors, &huma.ErrorDetail{Message: e.Message, Location: e.Location})
			}
			return p, nil
		}
		// What broke inside is for the operator, not for the caller.
		log.ErrorContext(ctx.Context(), "request failed", "method", ctx.Operation().Method, "route", ctx.Operation().Path,
			"err", m.Errors, "request_id", RequestID(ctx.Context()))
		p.Detail = brokenHere
		return p, nil
	}
}

// describeCodes makes the API's description say what withCodes does.
func describeCodes(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	schemas.Schema(reflect.TypeFor[huma.ErrorModel](), true, "ErrorModel")
	model := schemas.Map()["ErrorModel"]
	model.Required = append(model.Required, "code")
	model.Properties["code"] = &huma.Schema{Type: huma.TypeString, Description: "What went wrong, for programs"}
	delete(model.Properties, "type")
	delete(model.Properties, "instance")
}
