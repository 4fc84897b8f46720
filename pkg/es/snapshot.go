package es

import (
	"errors"
	"fmt"
	"iter"
	"maps"
)

// Saved is a fold at one place in its log, with everything that it goes on with: a fold restored from it reads the rest
// as one that has read the log from its beginning.
type Saved[S any] struct {
	Head
	State S
	// Next is the offset of the next record to read, Last the hash of the record before it, effective or not.
	Next int64
	Last Hash
	// Author of the last effective record, and its offset.
	Author string
	HeadAt int64
	// Reopened is the last reopening of the log.
	Reopened Reopened
	// Answered is the hash of the last request that was answered, that of intake offset IntakeNext - 1.
	Answered Hash
	// Voids are the kept hashes of void records with their versions.
	Voids  map[Hash]uint64
	Causes Causes
}

// Causes are the remembered causes of a saved fold.
type Causes struct {
	slots
	Digest Hash
}

// Len is the number of slots.
func (c *Causes) Len() int { return c.n }

// All gives the slots in order.
func (c *Causes) All() iter.Seq[*Slot] {
	return func(yield func(*Slot) bool) {
		for k := range c.n {
			if !yield(c.get(k)) {
				return
			}
		}
	}
}

// Add adds a slot behind the last.
func (c *Causes) Add(s Slot) { c.push(s) }

// Save copies the fold as it is now. It may be kept while the fold goes on, and costs little more than a clone of the
// state: remembered causes are shared until they change.
func (f *Fold[S, E, R, F]) Save() Saved[S] {
	return Saved[S]{
		Head: f.Head, State: f.domain.Clone(f.State), Next: f.Next, Last: f.last, Author: f.author, Answered: f.answered,
		HeadAt: f.headAt, Reopened: f.reopened,
		Voids: maps.Clone(f.voids), Causes: Causes{slots: f.causes.share(), Digest: f.causes.digest},
	}
}

// ErrSaved says that something saved is not what a fold of this program can have been.
var ErrSaved = errors.New("the saved fold cannot be gone on from")

// Restore is the fold that was saved. It takes saved over. That the log at hand holds the record that it was saved at is
// for the caller to see to, by [Fold.LastRead].
func Restore[S, E, R, F any](room string, domain *Domain[S, E, R, F], saved Saved[S]) (*Fold[S, E, R, F], error) {
	f := NewFold(room, domain)
	if want := min(saved.IntakeNext, f.causes.keep); int64(saved.Causes.n) != want {
		return nil, fmt.Errorf("%w: it remembers %d requests and should %d", ErrSaved, saved.Causes.n, want)
	}
	if saved.Next <= 0 || saved.Version == 0 {
		return nil, fmt.Errorf("%w: it has read nothing", ErrSaved)
	}
	f.Head, f.State, f.Next = saved.Head, saved.State, saved.Next
	f.last, f.author, f.answered = saved.Last, saved.Author, saved.Answered
	f.headAt, f.reopened = saved.HeadAt, saved.Reopened
	maps.Copy(f.voids, saved.Voids)
	if err := f.causes.restore(saved.Causes); err != nil {
		return nil, err
	}
	f.checkLevel()
	return f, nil
}

func (c *causes) restore(saved Causes) error {
	c.slots, c.digest = saved.slots, saved.Digest
	c.at = make(map[[16]byte]int, saved.n)
	for k := range saved.n {
		key := c.get(k).Key
		if key == ([16]byte{}) {
			continue
		}
		if c.knows(key) {
			return fmt.Errorf("%w: it remembers a cause twice", ErrSaved)
		}
		c.at[key] = k
	}
	return nil
}
