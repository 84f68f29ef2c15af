import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

// The few messages of onnx.proto (ONNX IR specification) that a float32 net takes: field numbers.
const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8 };
const OPSET = { version: 2 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const NODE = { input: 1, output: 2, name: 3, op: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, float: 2, int: 3, string: 4, ints: 8, type: 20 };
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 };
const TENSOR = { dims: 1, dtype: 2, name: 8, raw: 9 };
const VALUE_INFO = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { dtype: 1, shape: 2 };
const SHAPE = { dim: 1 };
const DIM = { value: 1 };
const DTYPE = { float32: 1, int64: 7 };

const message = (fill) => {
  const writer = new BinaryWriter();
  fill(writer);
  return writer.finish();
};
const bytes = (writer, field, value) => writer.tag(field, WireType.LengthDelimited).bytes(value);
const text = (writer, field, value) => writer.tag(field, WireType.LengthDelimited).string(value);
const int = (writer, field, value) => writer.tag(field, WireType.Varint).int64(value);

/** @param {string} name @param {number|string|number[]|{float: number}} value */
function attribute(name, value) {
  return message((w) => {
    text(w, ATTRIBUTE.name, name);
    let kind = 'int';
    if (Array.isArray(value)) {
      kind = 'ints';
      for (const item of value) int(w, ATTRIBUTE.ints, item);
    } else if (typeof value === 'string') {
      kind = 'string';
      text(w, ATTRIBUTE.string, value);
    } else if (typeof value === 'object') {
      kind = 'float';
      w.tag(ATTRIBUTE.float, WireType.Bit32).float(value.float);
    } else {
      int(w, ATTRIBUTE.int, value);
    }
    int(w, ATTRIBUTE.type, ATTRIBUTE_TYPE[kind]);
  });
}

export function node(op, inputs, outputs, attributes = {}) {
  return message((w) => {
    for (const name of inputs) text(w, NODE.input, name);
    for (const name of outputs) text(w, NODE.output, name);
    text(w, NODE.op, op);
    for (const [name, value] of Object.entries(attributes)) {
      bytes(w, NODE.attribute, attribute(name, value));
    }
  });
}

/** @param {Float32Array|BigInt64Array} data */
export function tensor(name, shape, data) {
  return message((w) => {
    for (const dim of shape) int(w, TENSOR.dims, dim);
    int(w, TENSOR.dtype, data instanceof Float32Array ? DTYPE.float32 : DTYPE.int64);
    text(w, TENSOR.name, name);
    bytes(w, TENSOR.raw, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
}

function valueInfo(name, shape) {
  const dims = message((w) => {
    for (const dim of shape)
      bytes(
        w,
        SHAPE.dim,
        message((d) => int(d, DIM.value, dim)),
      );
  });
  const type = message((w) => {
    int(w, TENSOR_TYPE.dtype, DTYPE.float32);
    bytes(w, TENSOR_TYPE.shape, dims);
  });
  return message((w) => {
    text(w, VALUE_INFO.name, name);
    bytes(
      w,
      VALUE_INFO.type,
      message((t) => bytes(t, TYPE.tensor, type)),
    );
  });
}

/** A model with one float32 input and one float32 output. */
export function model({ nodes, initializers, input, output, opset }) {
  const graph = message((w) => {
    for (const item of nodes) bytes(w, GRAPH.node, item);
    text(w, GRAPH.name, 'main');
    for (const item of initializers) bytes(w, GRAPH.initializer, item);
    bytes(w, GRAPH.input, valueInfo(input.name, input.shape));
    bytes(w, GRAPH.output, valueInfo(output.name, output.shape));
  });
  return message((w) => {
    int(w, MODEL.irVersion, 9);
    text(w, MODEL.producer, 'linnet benchmarks');
    bytes(w, MODEL.graph, graph);
    bytes(
      w,
      MODEL.opset,
      message((o) => int(o, OPSET.version, opset)),
    );
  });
}
