import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** Enough for the first fields of a model. */
export const SNIFF_BYTES = 512;

/** Field numbers of SavedModel. */
const SCHEMA_VERSION = 1;
const META_GRAPHS = 2;
/** The largest field number of MetaGraphDef. */
const LAST_META_GRAPH_FIELD = 7;

/**
 * Whether the bytes begin like a SavedModel: its schema version, which is 1, then a MetaGraphDef,
 * all of whose fields are messages. (ONNX begins with its version too, which is 3 or more.)
 */
export function looksLikeSavedModel(head: Uint8Array): boolean {
  try {
    const reader = new BinaryReader(head);
    let [number, wireType] = reader.tag();
    if (number === SCHEMA_VERSION && wireType === WireType.Varint) {
      if (Number(reader.int64()) !== 1) return false;
      [number, wireType] = reader.tag();
    }
    if (number !== META_GRAPHS || wireType !== WireType.LengthDelimited) return false;
    reader.uint32();
    const [inner, innerType] = reader.tag();
    return inner <= LAST_META_GRAPH_FIELD && innerType === WireType.LengthDelimited;
  } catch {
    return false;
  }
}
