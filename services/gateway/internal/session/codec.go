package session

import (
	"fmt"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// The subprotocols, in order of preference.
const (
	protocolProto = "vigie.v1.proto"
	protocolJSON  = "vigie.v1.json"
)

// codec is how frames of one subprotocol are written.
type codec struct {
	message int
	marshal func(proto.Message) ([]byte, error)
	read    func([]byte, proto.Message) error
}

func codecOf(subprotocol string) codec {
	if subprotocol == protocolProto {
		return codec{message: websocket.BinaryMessage, marshal: proto.Marshal, read: proto.Unmarshal}
	}
	write := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}
	return codec{message: websocket.TextMessage, marshal: write.Marshal, read: protojson.Unmarshal}
}

// decode reads a client's frame; what strangers send is refused as a whole when any of it is not understood.
func (c codec) decode(kind int, data []byte) (*watchv1.ClientFrame, error) {
	if kind != c.message {
		return nil, fmt.Errorf("%w: text frames for %s, binary for %s", errBadFrame, protocolJSON, protocolProto)
	}
	f := &watchv1.ClientFrame{}
	if err := c.read(data, f); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadFrame, err)
	}
	if f.GetBody() == nil {
		return nil, fmt.Errorf("%w: it holds nothing", errBadFrame)
	}
	return f, nil
}
