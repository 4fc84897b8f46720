package session

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/directory"
	"vigie/pkg/domain/watch"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

func TestTheTableOfCloseCodes(t *testing.T) {
	t.Parallel()
	// Interface.md: reconnect after 1012 and 4001-4004, do not after 4501-4504. Nothing here is renumbered.
	want := map[string]int{
		"restart": 1012, "slow": 4001, "no pong": 4002, "state lost": 4003, "no hello": 4004,
		"unauthenticated": 4501, "unknown token": 4501, "expired": 4501, "forbidden": 4502, "crowded": 4502,
		"watch": 4503, "bad frame": 4503, "revoked": 4504, "revoked token": 4504,
		"gone": websocket.CloseInternalServerErr, "anything else": websocket.CloseInternalServerErr,
	}
	got := map[string]int{}
	for name, err := range map[string]error{
		"restart": errRestart, "slow": errSlow, "no pong": errNoPong, "state lost": errStateLost, "no hello": errNoHello,
		"unauthenticated": errUnauthenticated, "unknown token": directory.ErrUnauthenticated, "expired": directory.ErrExpired,
		"forbidden": errForbidden, "crowded": errCrowded, "watch": watch.ErrTarget, "bad frame": errBadFrame, "revoked": errRevoked,
		"revoked token": directory.ErrRevoked, "gone": errGone, "anything else": errors.New("the database is away"),
	} {
		got[name] = closeCode(fmt.Errorf("wrapped: %w", err))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestACloseTextFitsItsFrameAndIsText(t *testing.T) {
	t.Parallel()
	for pad := range 8 {
		text := closeText(errors.New(strings.Repeat("x", pad) + strings.Repeat("é€😀", 60)))
		if len(text) > 123 || len(text) < 118 || !utf8.ValidString(text) {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	}
}

func TestWhoAcknowledgesMayBeBehindByAMegabyteAndNoMore(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	var silent, acking flow
	for k := range int64(100) {
		if err := silent.sending(k, size, -1); err != nil {
			t.Fatalf("one that never acknowledges is closed: %v", err)
		}
		if err := acking.sending(k, size, max(0, k-5)); err != nil {
			t.Fatalf("one that is five behind is closed: %v", err)
		}
	}
	var stuck flow
	sent := int64(0)
	for stuck.sending(sent, size, 0) == nil {
		if sent++; sent > 100 {
			t.Fatal("one that has stopped is never closed")
		}
	}
	if under := sent * size; under < 1<<20 || under > 1<<20+2*size {
		t.Errorf("closed with %d bytes under way", under)
	}
	if err := stuck.sending(sent, size, sent-1); err != nil {
		t.Errorf("one that has caught up: %v", err)
	}
}

func FuzzDecodeAClientsFrame(f *testing.F) {
	for _, frame := range []*watchv1.ClientFrame{
		{Body: &watchv1.ClientFrame_Hello{Hello: &watchv1.Hello{Token: "vgs_x", Watch: "room/north", Cursor: &watchv1.Cursor{Offset: 7}}}},
		{Body: &watchv1.ClientFrame_Command{Command: &watchv1.Command{Id: "1", Type: "sos", Lat: 48.8, Guards: []string{"g"}}}},
		{Body: &watchv1.ClientFrame_Ack{Ack: &watchv1.Ack{Offset: -1}}},
		{},
	} {
		for _, c := range []codec{codecOf(protocolJSON), codecOf(protocolProto)} {
			data, err := c.marshal(frame)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(c.message, data)
			f.Add(websocket.TextMessage+websocket.BinaryMessage-c.message, data)
		}
	}
	f.Add(websocket.TextMessage, []byte(`{"hello":{"now":"9999-12-31T23:59:59.999999999Z"},"ack":{}}`))
	f.Add(websocket.TextMessage, []byte(`{"fix":{"lat":"NaN","lon":"-Infinity"}}`))
	f.Fuzz(func(t *testing.T, kind int, data []byte) {
		for _, c := range []codec{codecOf(protocolJSON), codecOf(protocolProto)} {
			frame, err := c.decode(kind, data)
			if err != nil {
				if closeCode(err) != 4503 || !utf8.ValidString(closeText(err)) {
					t.Errorf("%v closes with %d %q", err, closeCode(err), closeText(err))
				}
				continue
			}
			if kind != c.message || frame.GetBody() == nil {
				t.Errorf("kind %d accepted as %v", kind, frame)
			}
			again, err := c.marshal(frame)
			if err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			if back, err := c.decode(kind, again); err != nil || !proto.Equal(clean(frame), clean(back)) {
				t.Errorf("%v came back as %v, %v", frame, back, err)
			}
		}
	})
}

// clean drops what a codec may drop, fields that it does not know.
func clean(f *watchv1.ClientFrame) *watchv1.ClientFrame {
	f = proto.CloneOf(f)
	f.ProtoReflect().SetUnknown(nil)
	return f
}
