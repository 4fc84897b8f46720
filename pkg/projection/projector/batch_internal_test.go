package projector

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/pkg/eventlog"
)

func TestAMessageCarriesItsRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "values")
		next := int64(len(values)) + rapid.Int64Range(0, 1<<40).Draw(t, "first")
		want := batch{partition: rapid.IntRange(0, 100).Draw(t, "partition")}
		if rapid.Bool().Draw(t, "at end") {
			want.atEnd = time.UnixMilli(1_795_000_000_123)
		}
		for i, v := range values {
			want.records = append(want.records, eventlog.Record{Offset: next - int64(len(values)-i), Value: append([]byte{}, v...)})
		}
		got, err := unpack(pack(want.partition, want.records, next, want.atEnd))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.records, got.records); diff != "" || got.partition != want.partition || !got.atEnd.Equal(want.atEnd) {
			t.Errorf("%+v, want %+v\n%s", got, want, diff)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{3, 'a', 'b', 'c', 0, 1, 'd'})
	f.Add([]byte{200})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, payload []byte) {
		msg := pack(1, nil, 10, time.Time{})
		msg.Payload = payload
		b, err := unpack(msg)
		if err != nil {
			return
		}
		if again := pack(1, b.records, 10, time.Time{}); len(again.Payload) > len(payload) {
			t.Errorf("%d bytes hold records of %d", len(payload), len(again.Payload))
		}
	})
}
