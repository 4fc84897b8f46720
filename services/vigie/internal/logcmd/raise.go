package logcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func raiseCommand() *cobra.Command {
	var at place
	var room string
	var level uint32
	var asJSON bool
	c := &cobra.Command{
		Use: "raise-level --room R --level N", Short: "Let a room go on at a higher level of its log, after an upgrade", Args: cobra.NoArgs,
		Long: "Asks a running node, as an administrator, for the decision by which a room's log may hold what older programs do not\n" +
			"read. It is refused until every process has been heard to read that level, for the last 15 seconds. There is no way\n" +
			"back: an older program stops at the first record of the new level and says so.",
		Example: "  vigie log raise-level --room main --level 2 --url http://127.0.0.1:8080 --token TOKEN",
	}
	f := c.Flags()
	f.StringVar(&at.url, "url", "", "address of a node that is running, http://host:port")
	f.StringVar(&at.token, "token", "", "session token of an administrator (POST /v1/sessions gives one)")
	f.StringVar(&room, "room", "", "the room")
	f.Uint32Var(&level, "level", 0, "the level")
	f.BoolVar(&asJSON, "json", false, "the outcome as JSON")
	for _, flag := range []string{"url", "token", "room", "level"} {
		_ = c.MarkFlagRequired(flag) // it exists
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		node, err := at.openNode()
		if err != nil {
			return err
		}
		o, err := node.raise(c.Context(), room, level)
		if err = errors.Join(err, node.close()); err != nil {
			return err
		}
		if asJSON {
			err = writeJSON(c.OutOrStdout(), o)
		} else if o.Outcome == done {
			_, err = fmt.Fprintf(c.OutOrStdout(), "room %s: raised to level %d by record %d\n", o.Room, level, o.Offset)
		}
		if err == nil && o.Outcome != done {
			err = fmt.Errorf("room %s: %s", o.Room, o.Message)
		}
		return err
	}
	return c
}

const done = "done"

// outcome is what the node says of a request.
type outcome struct {
	Outcome string `json:"outcome"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Room    string `json:"room"`
	Offset  int64  `json:"offset"`
	Version uint64 `json:"version"`
}

func (h *httpSource) raise(ctx context.Context, room string, level uint32) (o outcome, err error) {
	body, err := json.Marshal(map[string]uint32{"level": level})
	if err != nil {
		return o, fmt.Errorf("encode: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, h.base.JoinPath("v1", "rooms", room, "level").String(), bytes.NewReader(body))
	if err != nil {
		return o, fmt.Errorf("ask the node: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := h.do(req)
	if err == nil {
		err = json.Unmarshal(answer, &o)
	}
	return o, err
}
