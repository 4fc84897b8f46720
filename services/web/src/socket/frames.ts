import { create, fromJsonString, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import {
  ClientFrameSchema,
  type ServerFrame,
  ServerFrameSchema,
} from "../gen/proto/vigie/watch/v1/frames_pb";

/** The subprotocol of text frames. */
export const subprotocol = "vigie.v1.json";

/** Reads a frame of the server; what a newer server says beyond this is left out. */
export function decode(text: string): ServerFrame["body"] {
  return fromJsonString(ServerFrameSchema, text, { ignoreUnknownFields: true }).body;
}

type Body = NonNullable<MessageInitShape<typeof ClientFrameSchema>["body"]>;

export function encode(body: Body): string {
  return toJsonString(ClientFrameSchema, create(ClientFrameSchema, { body }), { useProtoFieldName: true });
}
