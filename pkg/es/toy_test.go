package es_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"

	"vigie/pkg/es"
	"vigie/pkg/es/estest"
)

// The toy is a purse: gold comes in, is spent while there is enough, and promises fall due.
type (
	purse struct {
		Gold     int
		Fired    []string
		Promises map[string]Promise
	}
	event struct {
		Kind string
		N    int
		ID   string
		Promise
		Reopening *es.Reopening `json:",omitempty"`
	}
	// Promise is a timer of the purse.
	Promise struct {
		Due    int64
		Expiry bool
		Rank   int
	}
	order struct {
		Kind string
		N    int
		ID   string
		Promise
	}

	toyDomain   = es.Domain[purse, event, order, int]
	toyFold     = es.Fold[purse, event, order, int]
	toyWriter   = es.Writer[purse, event, order, int]
	toyRace     = estest.Race[purse, event, order, int]
	toyDecision = es.Decision[event]
	toyStored   = es.Stored[event]
	toyRequest  = es.Request[order]
)

const room = "purse"

func toy() *toyDomain {
	return &toyDomain{
		Initial: func() purse {
			return purse{Promises: map[string]Promise{"open": {}}}
		},
		Clone: func(p purse) purse {
			p.Promises, p.Fired = maps.Clone(p.Promises), append([]string(nil), p.Fired...)
			return p
		},
		Evolve: func(p purse, _ int64, e event) purse {
			switch e.Kind {
			case "gold":
				p.Gold += e.N
			case "promised":
				p.Promises[e.ID] = e.Promise
			case "fired":
				p.Fired = append(p.Fired, e.ID)
			case "stepped":
				for id, d := range p.Promises {
					d.Due += int64(e.N)
					p.Promises[id] = d
				}
			}
			return p
		},
		Open: func(p purse, id string) (int64, bool) {
			d, ok := p.Promises[id]
			return d.Due, ok
		},
		Deadlines: func(p purse, yield func(es.Deadline)) {
			for id, d := range p.Promises {
				yield(es.Deadline{ID: id, Due: d.Due, Expiry: d.Expiry, Rank: d.Rank})
			}
		},
		Answered: func(p purse, id string) purse {
			delete(p.Promises, id)
			return p
		},
		Level: func(e event) uint32 {
			if e.Kind == "level" {
				return uint32(e.N)
			}
			return 0
		},
		MaxLevel: 2,
		Reopens: func(e event) (es.Reopening, bool) {
			if e.Reopening == nil {
				return es.Reopening{}, false
			}
			return *e.Reopening, true
		},
		StepsClock: func(e event) bool { return e.Kind == "stepped" },
		AsksStep:   func(o order) bool { return o.Kind == "step" },
		Decide: func(p purse, r toyRequest, _ int64, _ int) es.Outcome[event] {
			switch o := r.Body; o.Kind {
			case "step":
				return es.Outcome[event]{Events: []event{{Kind: "stepped", N: o.N}}}
			case "level":
				return es.Outcome[event]{Events: []event{{Kind: "level", N: o.N}}}
			case "spend":
				if p.Gold < o.N {
					return es.Outcome[event]{Refusal: &es.Refusal{Code: "poor", Message: "There is not enough gold: earn some first."}}
				}
				return es.Outcome[event]{Events: []event{{Kind: "gold", N: -o.N}}}
			case "promise":
				return es.Outcome[event]{Events: []event{{Kind: "promised", ID: o.ID, Promise: o.Promise}}}
			case "break":
				panic("the purse has a hole")
			default:
				return es.Outcome[event]{Events: []event{{Kind: "gold", N: o.N}}}
			}
		},
		DecideDue: func(_ purse, d es.Deadline, _ int64, _ int) es.Outcome[event] {
			if d.ID == "broken" {
				panic("the promise has a hole")
			}
			return es.Outcome[event]{Events: []event{{Kind: "fired", ID: d.ID}}}
		},
		Undecidable: func(_ purse, _ toyRequest, _ int64, why string) es.Outcome[event] {
			return es.Outcome[event]{Events: []event{{Kind: "undecidable", ID: why}}}
		},
	}
}

// envelope is how the toy's decisions are stored.
type envelope struct {
	Decision toyDecision
	Hash     es.Hash
}

func encode(d *toyDecision) ([]byte, es.Hash) {
	hash := hashOf(d)
	value, err := json.Marshal(envelope{*d, hash})
	if err != nil {
		panic(err)
	}
	return value, hash
}

func hashOf(d *toyDecision) es.Hash {
	decision, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return sha256.Sum256(append(d.PrevHash[:], decision...))
}

func decode(offset int64, value []byte) toyStored {
	var e envelope
	s := toyStored{Offset: offset}
	if err := json.Unmarshal(value, &e); err != nil {
		s.Damage = err.Error()
		return s
	}
	if hashOf(&e.Decision) != e.Hash {
		s.Damage = "the hash of the record does not match its bytes"
		return s
	}
	s.Decision, s.Hash = e.Decision, e.Hash
	return s
}

// ask is a request as intake holds it, by the number of its cause.
func ask(cause int, o order) toyRequest {
	content, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	r := toyRequest{Body: o, ValueHash: sha256.Sum256(append(content, byte(cause)))}
	r.Cause = es.Cause{Principal: "owner", ID: fmt.Sprint(cause)}
	r.ContentHash = sha256.Sum256(content)
	return r
}

func newWriter(name string) *toyWriter {
	return es.NewWriter(room, name, toy(), es.DefaultLimits(), encode)
}
