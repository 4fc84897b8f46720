package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// ErrClearText refuses a request that still holds a personal field in clear.
var ErrClearText = errors.New("a personal field is not sealed")

// EncodeRequest gives the stored value of a request, with the hash of its content filled in. It refuses personal fields
// in clear.
func EncodeRequest(r *intakev1.Request) ([]byte, error) {
	if holdsClearText(r.ProtoReflect()) {
		return nil, ErrClearText
	}
	hash, err := ContentHash(r)
	if err != nil {
		return nil, err
	}
	r.ContentHash = hash
	value, err := proto.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return value, nil
}

// ContentHash is the hash of what the client asked, by which a repeat is told from another use of the same id. Times are
// left out: a device that comes back by another socket has its clock measured anew, and the act is the same.
func ContentHash(r *intakev1.Request) ([]byte, error) {
	said := &intakev1.Request{Room: r.GetRoom(), Epoch: r.GetEpoch(), ByRadio: r.GetByRadio(), Body: r.GetBody()}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(said)
	if err != nil {
		return nil, fmt.Errorf("encode content: %w", err)
	}
	sum := sha256.Sum256(bytes)
	return sum[:], nil
}

// DecodeRequest reads a record of intake. It does not fail: what cannot be read comes back as unreadable, with its bytes.
func DecodeRequest(offset int64, value []byte) Request {
	r := Request{Offset: offset, Raw: value, ValueHash: sha256.Sum256(value), Body: &intakev1.Request{}}
	m := &intakev1.Request{}
	if err := proto.Unmarshal(value, m); err != nil {
		r.Unreadable = fmt.Sprintf("it cannot be decoded: %v", err)
		return r
	}
	r.Body = m
	r.Cause = es.Cause{Principal: m.GetPrincipal(), ID: m.GetId()}
	r.Actor, r.Role, r.Traceparent = m.GetActor().GetId(), m.GetActor().GetRole(), m.GetTraceparent()
	r.DeviceAt, r.ReceivedAt = m.GetDeviceAtMs(), m.GetReceivedAtMs()
	content, ok := hashOf(m.GetContentHash())
	r.ContentHash = content
	switch {
	case !ok:
		r.Unreadable = "its content hash has the wrong length"
	case m.GetBody() == nil:
		r.Unreadable = "it asks for something that this version does not know"
	case r.Cause.Principal == "" || r.Cause.ID == "":
		r.Unreadable = "it does not say who asked, or under which id"
	}
	return r
}

// holdsClearText looks for a sealed text with its clear text set, anywhere in a message.
func holdsClearText(m protoreflect.Message) bool {
	if t, ok := m.Interface().(*personalv1.SealedText); ok {
		return t.GetClear() != ""
	}
	found := false
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind || f.IsMap():
		case f.IsList():
			for k := range v.List().Len() {
				found = found || holdsClearText(v.List().Get(k).Message())
			}
		default:
			found = found || holdsClearText(v.Message())
		}
		return !found
	})
	return found
}
