package pubsub

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
)

// magic begins the records that hold a message. Nothing else on these topics begins with a zero byte: it is neither protobuf,
// where field 0 is illegal, nor text.
var magic = []byte{0, 'v', 'm', 1}

var errEnvelope = errors.New("not a message")

// encode makes a record of msg: magic, UUID, number of metadata entries, their keys and values in order of key, payload. Each
// string has its length before it; the payload is the rest.
func encode(msg *message.Message) []byte {
	size := len(magic) + len(msg.UUID) + len(msg.Payload) + 2*binary.MaxVarintLen32
	for k, v := range msg.Metadata {
		size += len(k) + len(v) + 2*binary.MaxVarintLen32
	}
	out := append(make([]byte, 0, size), magic...)
	out = appendString(out, msg.UUID)
	out = binary.AppendUvarint(out, uint64(len(msg.Metadata)))
	for _, k := range slices.Sorted(maps.Keys(msg.Metadata)) {
		out = appendString(out, k)
		out = appendString(out, msg.Metadata[k])
	}
	return append(out, msg.Payload...)
}

func appendString(out []byte, s string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(s))), s...)
}

// decode makes a message of what is stored at a position. It cannot fail: what is not an envelope, or a broken one, is handed
// to the handler as it is, for it alone can park a message.
func decode(value []byte, at Position) *message.Message {
	msg, err := open(value)
	if err != nil {
		return message.NewMessage(at.String(), value)
	}
	return msg
}

func open(value []byte) (*message.Message, error) {
	rest, ok := bytes.CutPrefix(value, magic)
	if !ok {
		return nil, errEnvelope
	}
	uuid, rest, err := cutString(rest)
	if err != nil {
		return nil, err
	}
	n, size := binary.Uvarint(rest)
	if size <= 0 {
		return nil, errEnvelope
	}
	rest = rest[size:]
	metadata := message.Metadata{}
	for ; n > 0; n-- {
		var k, v string
		if k, rest, err = cutString(rest); err != nil {
			return nil, err
		}
		if v, rest, err = cutString(rest); err != nil {
			return nil, err
		}
		metadata[k] = v
	}
	msg := message.NewMessage(uuid, rest)
	msg.Metadata = metadata
	return msg, nil
}

func cutString(b []byte) (string, []byte, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) { //nolint:gosec // size is not above len(b)
		return "", nil, errEnvelope
	}
	end := size + int(n) //nolint:gosec // not above len(b)
	return string(b[size:end]), b[end:], nil
}
