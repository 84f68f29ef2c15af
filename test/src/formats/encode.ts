/** Writes TensorFlow's protocol buffers, so that tests can state graphs as data. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Numbers of TensorFlow's enum DataType. */
export const DT = { float: 1, int32: 3, string: 7, int64: 9, bool: 10, half: 19 };

export type Attr =
  | { readonly type: number }
  | { readonly i: number }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly s: string }
  | { readonly ints: readonly number[] }
  | { readonly shape: readonly number[] | null }
  | { readonly func: string }
  | { readonly tensor: Uint8Array };

export interface NodeSpec {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly attrs?: Readonly<Record<string, Attr>>;
}

export interface FunctionSpec {
  readonly args: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly nodes: Readonly<Record<string, NodeSpec>>;
}

export interface GraphSpec {
  readonly nodes: Readonly<Record<string, NodeSpec>>;
  readonly functions?: Readonly<Record<string, FunctionSpec>>;
}

type Write = (writer: BinaryWriter) => void;

function bytes(write: Write): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

function field(writer: BinaryWriter, number: number, content: Uint8Array): void {
  writer.tag(number, WireType.LengthDelimited).bytes(content);
}

const text = (value: string) => new TextEncoder().encode(value);

export function shape(dims: readonly number[] | null): Uint8Array {
  return bytes((writer) => {
    if (dims === null) writer.tag(3, WireType.Varint).bool(true);
    for (const dim of dims ?? []) {
      field(
        writer,
        2,
        bytes((d) => d.tag(1, WireType.Varint).int64(dim)),
      );
    }
  });
}

/** A TensorProto with its contents as raw bytes. */
export function tensor(
  dtype: number,
  dims: readonly number[],
  content: ArrayBufferView,
): Uint8Array {
  return bytes((writer) => {
    writer.tag(1, WireType.Varint).int32(dtype);
    field(writer, 2, shape(dims));
    field(writer, 4, new Uint8Array(content.buffer, content.byteOffset, content.byteLength));
  });
}

export const floats = (dims: readonly number[], values: readonly number[]) =>
  tensor(DT.float, dims, Float32Array.from(values));
export const ints = (dims: readonly number[], values: readonly number[]) =>
  tensor(DT.int32, dims, Int32Array.from(values));

/** A TensorProto whose one value stands for all elements. */
export function repeatedFloat(dims: readonly number[], value: number): Uint8Array {
  return bytes((writer) => {
    writer.tag(1, WireType.Varint).int32(DT.float);
    field(writer, 2, shape(dims));
    writer.tag(5, WireType.Bit32).float(value);
  });
}

function attr(value: Attr): Uint8Array {
  return bytes((writer) => {
    if ('type' in value) writer.tag(6, WireType.Varint).int32(value.type);
    else if ('i' in value) writer.tag(3, WireType.Varint).int64(value.i);
    else if ('f' in value) writer.tag(4, WireType.Bit32).float(value.f);
    else if ('b' in value) writer.tag(5, WireType.Varint).bool(value.b);
    else if ('s' in value) field(writer, 2, text(value.s));
    else if ('shape' in value) field(writer, 7, shape(value.shape));
    else if ('func' in value)
      field(
        writer,
        10,
        bytes((f) => field(f, 1, text(value.func))),
      );
    else if ('tensor' in value) field(writer, 8, value.tensor);
    else {
      const list = bytes((l) => {
        for (const i of value.ints) l.tag(3, WireType.Varint).int64(i);
      });
      field(writer, 1, list);
    }
  });
}

function entry(writer: BinaryWriter, number: number, key: string, value: Uint8Array): void {
  field(
    writer,
    number,
    bytes((e) => {
      field(e, 1, text(key));
      field(e, 2, value);
    }),
  );
}

function node(name: string, { op, inputs = [], attrs = {} }: NodeSpec): Uint8Array {
  return bytes((writer) => {
    field(writer, 1, text(name));
    field(writer, 2, text(op));
    for (const input of inputs) field(writer, 3, text(input));
    for (const [key, value] of Object.entries(attrs)) entry(writer, 5, key, attr(value));
  });
}

function functionDef(name: string, { args, outputs, nodes }: FunctionSpec): Uint8Array {
  const arg = (argument: string) => bytes((a) => field(a, 1, text(argument)));
  return bytes((writer) => {
    const signature = bytes((s) => {
      field(s, 1, text(name));
      for (const argument of args) field(s, 2, arg(argument));
      for (const output of Object.keys(outputs)) field(s, 3, arg(output));
    });
    field(writer, 1, signature);
    for (const [key, spec] of Object.entries(nodes)) field(writer, 3, node(key, spec));
    for (const [output, from] of Object.entries(outputs)) entry(writer, 4, output, text(from));
  });
}

export function graphDef({ nodes, functions = {} }: GraphSpec): Uint8Array<ArrayBuffer> {
  return bytes((writer) => {
    for (const [name, spec] of Object.entries(nodes)) field(writer, 1, node(name, spec));
    const library = bytes((l) => {
      for (const [name, spec] of Object.entries(functions)) field(l, 1, functionDef(name, spec));
    });
    if (library.length > 0) field(writer, 2, library);
  });
}

/** A tensor of a signature: `node:0`, its type and its shape (null for unknown rank). */
export interface PortSpec {
  readonly tensor: string;
  readonly dtype?: number;
  readonly dims: readonly number[] | null;
}

export interface SignatureSpec {
  readonly inputs: Readonly<Record<string, PortSpec>>;
  readonly outputs: Readonly<Record<string, PortSpec>>;
}

export interface SavedModelSpec {
  readonly graph: GraphSpec;
  readonly tags?: readonly string[];
  readonly signatures: Readonly<Record<string, SignatureSpec>>;
  readonly assets?: readonly string[];
  readonly restoreOp?: string;
}

function port({ tensor: name, dtype = DT.float, dims }: PortSpec): Uint8Array {
  return bytes((writer) => {
    field(writer, 1, text(name));
    writer.tag(2, WireType.Varint).int32(dtype);
    field(writer, 3, shape(dims));
  });
}

function signatureDef({ inputs, outputs }: SignatureSpec): Uint8Array {
  return bytes((writer) => {
    for (const [name, spec] of Object.entries(inputs)) entry(writer, 1, name, port(spec));
    for (const [name, spec] of Object.entries(outputs)) entry(writer, 2, name, port(spec));
  });
}

export function savedModel(...metaGraphs: readonly SavedModelSpec[]): Uint8Array<ArrayBuffer> {
  return bytes((writer) => {
    writer.tag(1, WireType.Varint).int64(1);
    for (const { graph, tags = ['serve'], signatures, assets = [], restoreOp } of metaGraphs) {
      const meta = bytes((m) => {
        field(
          m,
          1,
          bytes((info) => {
            for (const tag of tags) field(info, 4, text(tag));
          }),
        );
        field(m, 2, graphDef(graph));
        if (restoreOp !== undefined)
          field(
            m,
            3,
            bytes((s) => field(s, 3, text(restoreOp))),
          );
        for (const [key, spec] of Object.entries(signatures)) entry(m, 5, key, signatureDef(spec));
        for (const asset of assets)
          field(
            m,
            6,
            bytes((a) => field(a, 2, text(asset))),
          );
      });
      field(writer, 2, meta);
    }
  });
}

/** `x` in, a node of one op out, and constants beside it: the smallest frozen graph. */
export const placeholder = (dims: readonly number[] | null, dtype = DT.float): NodeSpec => ({
  op: 'Placeholder',
  attrs: { dtype: { type: dtype }, shape: { shape: dims } },
});
export const constant = (value: Uint8Array): NodeSpec => ({
  op: 'Const',
  attrs: { value: { tensor: value } },
});
