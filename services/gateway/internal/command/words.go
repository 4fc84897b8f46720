package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/pkg/domain/controlroom"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// The longest words of a command, on a socket as over REST. That of a text is in bytes, the others in characters.
const (
	longestText        = 4096
	longestReason      = 256
	longestDisposition = 64
	longestName        = 64
)

// word is a reason or a disposition: a code, which the log keeps in clear for ever, or what a person has typed, sealed like
// every free text (protocol §8), and the code other.
type word struct {
	code string
	text *personalv1.SealedText
}

// words are those of a command that its kind says.
func (d *Desk) words(ctx context.Context, q *intakev1.Request, k kind, c *watchv1.Command) (f filling, err error) {
	for _, which := range k.says {
		switch which {
		case "text":
			f.text, err = d.seal(ctx, q, c.GetText())
		case "reason":
			f.reason, err = d.word(ctx, q, c.GetReason(), controlroom.Reasons())
		case "disposition":
			f.disposition, err = d.word(ctx, q, c.GetDisposition(), controlroom.Dispositions())
		}
		if err != nil {
			return filling{}, err
		}
	}
	return f, nil
}

func (d *Desk) word(ctx context.Context, q *intakev1.Request, said string, codes []string) (word, error) {
	said = strings.TrimSpace(said)
	if said == "" || slices.Contains(codes, said) {
		return word{code: said}, nil
	}
	text, err := d.seal(ctx, q, said)
	return word{code: controlroom.Other, text: text}, err
}

func (d *Desk) seal(ctx context.Context, q *intakev1.Request, text string) (*personalv1.SealedText, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil //nolint:nilnil // no text is sealed as none
	}
	if len(text) > longestText {
		return nil, fmt.Errorf("%w: the text is longer than %d bytes: shorten it", ErrInvalid, longestText)
	}
	key, sealed, err := d.Directory.SealForRequest(ctx, q.GetPrincipal(), q.GetId(), time.UnixMilli(q.GetReceivedAtMs()), text)
	if err != nil {
		return nil, fmt.Errorf("%w: seal text: %w", ErrNotDurable, err)
	}
	return &personalv1.SealedText{Key: key, Sealed: sealed}, nil
}

// bounded says what is too long, or typed where a name of the system belongs: that would stand in the log in clear. An SOS
// is not kept back for what is said beside it; its place is left out instead, see [named].
func bounded(c *watchv1.Command) error {
	names := []struct{ field, value string }{
		{"incident", c.GetIncident()},
		{"mission", c.GetMission()},
		{"team", c.GetTeam()},
		{"site", c.GetSite()},
		{"zone", c.GetZone()},
		{"category", c.GetCategory()},
	}
	if c.GetType() == "sos" {
		names = names[2:3]
	}
	for _, n := range names {
		if n.value != "" && named(n.value) == "" {
			return fmt.Errorf("%w: %s is not a name that anything has: use letters, digits and the signs -_./: (at most %d)", ErrInvalid, n.field, longestName)
		}
	}
	switch {
	case c.GetType() == "sos":
		return nil
	case utf8.RuneCountInString(c.GetReason()) > longestReason:
		return fmt.Errorf("%w: the reason is longer than %d characters: shorten it", ErrInvalid, longestReason)
	case utf8.RuneCountInString(c.GetDisposition()) > longestDisposition:
		return fmt.Errorf("%w: the disposition is longer than %d characters: shorten it, and say the rest in the text", ErrInvalid, longestDisposition)
	}
	return nil
}

// named gives a name of the system as it is, and "" for what cannot be one.
func named(s string) string {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./:", r)
	}
	if len(s) > longestName || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}
