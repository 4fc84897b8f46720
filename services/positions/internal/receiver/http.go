package receiver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"vigie/pkg/access"
	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/follow"
)

// Sources of positions, as they stand in telemetry.
const (
	sourceOwnTracks = "owntracks"
	sourceOsmAnd    = "osmand"
)

const (
	pathOwnTracks = "/v1/positions/owntracks"
	pathOsmAnd    = "/v1/positions/osmand"
)

// Add registers the operations. Their handlers are the router's own: what they take is as their protocols have it, not as
// an API would.
func (r *Receiver) Add(api huma.API, router chi.Router) {
	router.Post(pathOwnTracks, r.ownTracks)
	router.Get(pathOsmAnd, r.osmAnd)
	router.Post(pathOsmAnd, r.osmAnd)
	const basic = "basic"
	doc := api.OpenAPI()
	doc.Components.SecuritySchemes[basic] = &huma.SecurityScheme{
		Type: "http", Scheme: "basic", Description: "any name, and the token of a handheld",
	}
	doc.AddOperation(&huma.Operation{
		OperationID: "positions-owntracks", Method: http.MethodPost, Path: pathOwnTracks, Tags: []string{"positions"},
		Summary:     "Positions of an OwnTracks app in HTTP mode",
		Description: "The app's password is the token of the handheld. Answered with an empty array once the positions are stored, or passed over for good.",
		Security:    []map[string][]string{{basic: {}}}, Responses: answers("an empty array"),
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		doc.AddOperation(&huma.Operation{
			OperationID: "positions-osmand-" + method, Method: method, Path: pathOsmAnd, Tags: []string{"positions"},
			Summary: "A position by OsmAnd's protocol: parameters, a form, or the JSON of Traccar Client",
			Description: "The token of the handheld is id (in JSON device_id), or token where id is something else. " +
				"speed is in knots in parameters and in metres a second in JSON. alarm=sos raises an SOS.",
			Responses: answers("empty"),
		})
	}
}

func answers(ok string) map[string]*huma.Response {
	return map[string]*huma.Response{
		"200": {Description: "stored, or passed over for good: " + ok},
		"400": {Description: "not of this protocol: invalid_position"},
		"401": {Description: "no handheld has this token: unauthenticated"},
		"503": {Description: "not_stored: send it again"},
	}
}

// ownTracks answers as the app expects: to an array, and with a yes even to what makes no sense, since it would post that
// again before all else.
func (r *Receiver) ownTracks(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body) // bounded by the listener
	if err != nil {
		refuse(w, malformed("the body broke off"))
		return
	}
	_, token, _ := q.BasicAuth()
	p, board, err := r.sender(q.Context(), token)
	if err == nil {
		var reports []report
		if reports, err = decodeOwnTracks(body); err != nil {
			r.received.WithLabelValues(sourceOwnTracks, unreadable).Inc()
			err = nil
		} else {
			err = r.take(q.Context(), sourceOwnTracks, p, board, reports)
		}
	}
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Basic realm="vigie"`)
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "[]") // the app is gone, and net/http knows
}

func (r *Receiver) osmAnd(w http.ResponseWriter, q *http.Request) {
	token, reports, err := readOsmAnd(q)
	var p authz.Principal
	var board *follow.Board
	var failed error
	// Who it is comes first: a stranger is not told what is wrong with a message.
	if p, board, failed = r.sender(q.Context(), token); failed != nil {
		err = failed
	}
	switch {
	case errors.Is(err, errMalformed):
		r.received.WithLabelValues(sourceOsmAnd, unreadable).Inc()
	case err == nil:
		err = r.take(q.Context(), sourceOsmAnd, p, board, reports)
	}
	if err != nil {
		refuse(w, err)
	}
}

// readOsmAnd reads a request in any of the protocol's forms, and the token in it.
func readOsmAnd(q *http.Request) (token string, reports []report, err error) {
	body, err := io.ReadAll(q.Body) // bounded by the listener
	if err != nil {
		return "", nil, malformed("the body broke off")
	}
	values := q.URL.Query()
	if len(bytes.TrimSpace(body)) > 0 && isJSON(q.Header.Get("Content-Type"), body) {
		device, reports, err := decodeTraccar(body)
		return tokenOf(q, values, device), reports, err
	}
	if q.URL.RawQuery == "" || !values.Has("lat") && !values.Has("location") && len(body) > 0 {
		form, err := url.ParseQuery(string(bytes.TrimSpace(body)))
		if err != nil {
			return tokenOf(q, values, ""), nil, malformed("the body is no form")
		}
		for name, list := range form {
			values[name] = append(values[name], list...)
		}
	}
	id := values.Get("id")
	if id == "" {
		id = values.Get("deviceid")
	}
	reports, err = decodeQuery(values)
	return tokenOf(q, values, id), reports, err
}

// tokenOf finds the token: apps that can send a header need not put it into an address, which others may write down.
func tokenOf(q *http.Request, values url.Values, id string) string {
	if _, password, ok := q.BasicAuth(); ok {
		return password
	}
	if token := access.Bearer(q.Header.Get("Authorization")); token != "" {
		return token
	}
	if token := values.Get("token"); token != "" {
		return token
	}
	return id
}

// lookUpBound is how long the directory may take to say whose a token is.
const lookUpBound = 2 * time.Second

var (
	errStranger = errors.New("no handheld has this token: sign it on again, and put the new token into the app")
	errUnknown  = errors.New("the directory cannot be asked: send it again")
)

// sender says which handheld sends, and gives its room.
func (r *Receiver) sender(ctx context.Context, token string) (authz.Principal, *follow.Board, error) {
	ctx, done := context.WithTimeout(ctx, lookUpBound)
	defer done()
	p, _, err := r.Directory.Principal(ctx, token)
	switch {
	case errors.Is(err, directory.ErrUnauthenticated), errors.Is(err, directory.ErrExpired), errors.Is(err, directory.ErrRevoked):
		return p, nil, errStranger
	case err != nil:
		r.Logger.ErrorContext(ctx, "token not looked up", "err", err)
		return p, nil, errUnknown
	}
	board := r.Rooms.Board(p.Room)
	if board == nil || p.Kind != authz.KindDevice || !authz.Allow(p, authz.ActAsTeam, authz.Object{Room: p.Room, Team: p.Team}) {
		return p, nil, errStranger
	}
	return p, board, nil
}

// refuse is the one map of errors to the outside.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errStranger):
		app.WriteProblem(w, http.StatusUnauthorized, "unauthenticated", err.Error())
	case errors.Is(err, errMalformed):
		app.WriteProblem(w, http.StatusBadRequest, "invalid_position", err.Error())
	default:
		app.WriteProblem(w, http.StatusServiceUnavailable, "not_stored", "the position could not be stored: send it again")
	}
}
