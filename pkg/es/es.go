// Package es is the kernel of the log: what a decision is, which decisions are effective, how a room is folded from
// them, and how a decider writes new ones. Everything here is a pure state machine: records, requests and clock readings
// come in as data, records to append come out. It knows no transport, no encoding and no domain.
//
// The rules are those of the protocol: Kafka has no "append if version", so every reader judges every record by the same
// function, [Fold.Read], and no lease or lock is trusted for correctness.
package es

// NoIntake is the intake offset of a decision that answers a deadline.
const NoIntake int64 = -1

// Hash is a SHA-256.
type Hash [32]byte

// Cause is who asked, under which id of theirs. The same cause is the same request.
type Cause struct {
	Principal string
	ID        string
}

// Refusal is an outcome without events: a stable code for programs, a sentence for persons, and what it concerns.
type Refusal struct {
	Code     string
	Message  string
	Incident string
	Mission  string
	Team     string
	// TakenBy is the team that has the incident, where that is why.
	TakenBy string
}

// Outcome is what the domain makes of a request or of a deadline: events, or a refusal.
type Outcome[E any] struct {
	Events  []E
	Refusal *Refusal
}

// Origin is copied from a request into the decision that answers it. Times are milliseconds of the domain clock.
type Origin struct {
	Cause       Cause
	Actor       string
	Role        string
	Traceparent string
	// ContentHash tells a repeat from another use of the same id.
	ContentHash Hash
	DeviceAt    int64
	ReceivedAt  int64
}

// Request is one record of intake as the kernel sees it.
type Request[R any] struct {
	Origin
	Offset int64
	// ValueHash is the SHA-256 of the stored value.
	ValueHash Hash
	Body      R
	// Raw is the stored value.
	Raw []byte
	// Unreadable says why the value could not be decoded; then Body is the zero value.
	Unreadable string
	// Reuses is the version that decided on something else under the same cause, or 0. Only what is heard all the same is
	// decided then, see [Domain].
	Reuses uint64
}

// Decision is the whole outcome of one cause.
type Decision[E any] struct {
	Origin
	Room    string
	Version uint64
	// Intake is the offset of the request it answers, or NoIntake.
	Intake int64
	// Deadline is the id of the deadline it answers, when Intake is NoIntake.
	Deadline string
	Decider  string
	// At is the domain clock in milliseconds.
	At          int64
	Level       uint32
	PrevHash    Hash
	RequestHash Hash
	Outcome[E]
	// RepeatOf is the version of the first outcome of the same cause, or 0.
	RepeatOf uint64
}

// Stored is a decision as read from the log.
type Stored[E any] struct {
	Decision[E]
	Offset int64
	Hash   Hash
	// Damage says why the record cannot be trusted or understood (its hash does not match its bytes, an unknown event);
	// empty when it can. Of one that cannot be trusted the decision is left zero.
	Damage string
}

// Deadline is a timer of the folded state.
type Deadline struct {
	ID string
	// Due is in milliseconds of the domain clock.
	Due int64
	// Expiry deadlines take something away: they wait for all intake written before they were due.
	Expiry bool
	// Rank orders deadlines that are due together; lower first, ties by Due and ID.
	Rank int
}

// Domain is what the kernel needs to know of a domain whose state is S, events E, requests R and facts F.
//
// Evolve and Answered consume their state, as append does its slice: the argument must not be used afterwards; who keeps
// both calls Clone first. Decide, DecideDue and Undecidable never change what they are given.
type Domain[S, E, R, F any] struct {
	Initial func() S
	Clone   func(S) S
	// Evolve folds one fact and cannot fail.
	Evolve func(state S, at int64, event E) S
	// Open gives the due time of an open deadline.
	Open func(state S, id string) (due int64, open bool)
	// Deadlines calls yield for every open deadline, in any order.
	Deadlines func(state S, yield func(Deadline))
	// Answered removes a deadline that has had its outcome, before its events are folded.
	Answered func(state S, id string) S

	// Level gives the level that an event raises the room to, or 0; MaxLevel is the highest that this program knows.
	Level    func(E) uint32
	MaxLevel uint32
	// Remembered is for how many intake positions causes are remembered; 0: the protocol's [Remembered].
	Remembered int64
	// Reopens gives what an event says that reopens a log which was damaged, cut or rewritten; nil: no event does.
	Reopens func(E) (Reopening, bool)
	// StepsClock says whether an event moves the room's clock back, and AsksStep whether a request asks for that.
	StepsClock func(E) bool
	AsksStep   func(R) bool
	// Heard says whether a request is decided although its id was used before for something else, and not refused; nil: none
	// is.
	Heard func(R) bool

	Decide      func(state S, request Request[R], at int64, facts F) Outcome[E]
	DecideDue   func(state S, deadline Deadline, at int64, facts F) Outcome[E]
	Undecidable func(state S, request Request[R], at int64, why string) Outcome[E]
}
