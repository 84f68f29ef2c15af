/**
 * The parts of TensorFlow's protocol buffers that a model's meaning depends on.
 *
 * Source of the field numbers: tensorflow/core/framework/{graph,node_def,attr_value,tensor,
 * tensor_shape,function,op_def}.proto and tensorflow/core/protobuf/{saved_model,meta_graph,saver,
 * saved_object_graph,trackable_object_graph,tensor_bundle}.proto.
 */
import {
  bool,
  bytes,
  declare,
  double,
  field,
  fixed32,
  float,
  type Infer,
  int,
  int32,
  int64,
  type Message,
  map,
  message,
  optional,
  repeated,
  string,
  uint64,
} from '../../../wire/protobuf.js';

export const TensorShape = declare({
  dim: repeated(
    2,
    message(() => declare({ size: field(1, int), name: field(2, string) })),
  ),
  unknownRank: field(3, bool),
});
export type TensorShape = Infer<typeof TensorShape>;

export const TensorProto = declare({
  dtype: field(1, int32),
  shape: field(
    2,
    message(() => TensorShape),
  ),
  content: field(4, bytes),
  floatVal: repeated(5, float),
  doubleVal: repeated(6, double),
  intVal: repeated(7, int32),
  stringVal: repeated(8, bytes),
  scomplexVal: repeated(9, float),
  int64Val: repeated(10, int64),
  boolVal: repeated(11, bool),
  dcomplexVal: repeated(12, double),
  halfVal: repeated(13, int32),
  uint32Val: repeated(16, int32),
  uint64Val: repeated(17, uint64),
});
export type TensorProto = Infer<typeof TensorProto>;

/** AttrValue.ListValue, AttrValue and NameAttrList refer to one another, so types are spelled out. */
export interface AttrList {
  readonly s: readonly Uint8Array[];
  readonly i: readonly number[];
  readonly f: readonly number[];
  readonly b: readonly boolean[];
  readonly type: readonly number[];
  readonly shape: readonly TensorShape[];
  readonly func: readonly FunctionRef[];
}
export interface AttrValue {
  readonly list: AttrList | undefined;
  readonly s: Uint8Array | undefined;
  readonly i: number | undefined;
  readonly f: number | undefined;
  readonly b: boolean | undefined;
  readonly type: number | undefined;
  readonly shape: TensorShape | undefined;
  readonly tensor: TensorProto | undefined;
  readonly placeholder: string | undefined;
  readonly func: FunctionRef | undefined;
}
/** NameAttrList: a function by name, with the attributes it is instantiated with. */
export interface FunctionRef {
  readonly name: string;
  readonly attr: Attrs;
}
export type Attrs = ReadonlyMap<string, AttrValue>;

const AttrList: Message<AttrList> = declare({
  s: repeated(2, bytes),
  i: repeated(3, int),
  f: repeated(4, float),
  b: repeated(5, bool),
  type: repeated(6, int32),
  shape: repeated(
    7,
    message(() => TensorShape),
  ),
  func: repeated(
    9,
    message(() => FunctionRef),
  ),
});
const AttrValue: Message<AttrValue> = declare({
  list: field(
    1,
    message(() => AttrList),
  ),
  s: optional(2, bytes),
  i: optional(3, int),
  f: optional(4, float),
  b: optional(5, bool),
  type: optional(6, int32),
  shape: field(
    7,
    message(() => TensorShape),
  ),
  tensor: field(
    8,
    message(() => TensorProto),
  ),
  placeholder: optional(9, string),
  func: field(
    10,
    message(() => FunctionRef),
  ),
});
const FunctionRef: Message<FunctionRef> = declare({
  name: field(1, string),
  attr: map(
    2,
    message(() => AttrValue),
  ),
});

export const NodeDef = declare({
  name: field(1, string),
  op: field(2, string),
  input: repeated(3, string),
  attr: map(
    5,
    message(() => AttrValue),
  ),
});
export type NodeDef = Infer<typeof NodeDef>;

export const ArgDef = declare({
  name: field(1, string),
  type: field(3, int32),
  typeAttr: field(4, string),
  numberAttr: field(5, string),
  typeListAttr: field(6, string),
});

export const FunctionDef = declare({
  signature: field(
    1,
    message(() =>
      declare({
        name: field(1, string),
        inputArg: repeated(
          2,
          message(() => ArgDef),
        ),
        outputArg: repeated(
          3,
          message(() => ArgDef),
        ),
        controlOutput: repeated(20, string),
      }),
    ),
  ),
  node: repeated(
    3,
    message(() => NodeDef),
  ),
  ret: map(4, string),
  attr: map(
    5,
    message(() => AttrValue),
  ),
  controlRet: map(6, string),
});
export type FunctionDef = Infer<typeof FunctionDef>;

export const GraphDef = declare({
  node: repeated(
    1,
    message(() => NodeDef),
  ),
  library: field(
    2,
    message(() =>
      declare({
        function: repeated(
          1,
          message(() => FunctionDef),
        ),
      }),
    ),
  ),
});
export type GraphDef = Infer<typeof GraphDef>;

export const TensorInfo = declare({
  name: field(1, string),
  dtype: field(2, int32),
  shape: field(
    3,
    message(() => TensorShape),
  ),
});
export type TensorInfo = Infer<typeof TensorInfo>;

export const SignatureDef = declare({
  inputs: map(
    1,
    message(() => TensorInfo),
  ),
  outputs: map(
    2,
    message(() => TensorInfo),
  ),
  methodName: field(3, string),
});
export type SignatureDef = Infer<typeof SignatureDef>;

export const SaverDef = declare({
  filenameTensorName: field(1, string),
  restoreOpName: field(3, string),
});

/** An edge of a trackable object graph: a named attribute of the object. */
const ObjectReference = declare({ nodeId: field(1, int32), localName: field(2, string) });

const SavedObject = declare({
  children: repeated(
    1,
    message(() => ObjectReference),
  ),
});

/** `boundInputs`: the objects that a function captures, in the order of its last arguments. */
const ConcreteFunction = declare({ boundInputs: repeated(2, int32) });

export const SavedObjectGraph = declare({
  nodes: repeated(
    1,
    message(() => SavedObject),
  ),
  concreteFunctions: map(
    2,
    message(() => ConcreteFunction),
  ),
});

export const MetaGraphDef = declare({
  info: field(
    1,
    message(() => declare({ tags: repeated(4, string), tensorflowVersion: field(5, string) })),
  ),
  graph: field(
    2,
    message(() => GraphDef),
  ),
  saver: field(
    3,
    message(() => SaverDef),
  ),
  signatures: map(
    5,
    message(() => SignatureDef),
  ),
  assets: repeated(
    6,
    message(() => declare({ filename: field(2, string) })),
  ),
  objectGraph: field(
    7,
    message(() => SavedObjectGraph),
  ),
});
export type MetaGraphDef = Infer<typeof MetaGraphDef>;

export const SavedModel = declare({
  schemaVersion: field(1, int),
  metaGraphs: repeated(
    2,
    message(() => MetaGraphDef),
  ),
});
export type SavedModel = Infer<typeof SavedModel>;

/** The object graph as the checkpoint itself stores it, under `_CHECKPOINTABLE_OBJECT_GRAPH`. */
export const TrackableObjectGraph = declare({
  nodes: repeated(
    1,
    message(() =>
      declare({
        children: repeated(
          1,
          message(() => ObjectReference),
        ),
        attributes: repeated(
          2,
          message(() =>
            declare({
              name: field(1, string),
              fullName: field(2, string),
              checkpointKey: field(3, string),
            }),
          ),
        ),
      }),
    ),
  ),
});

export const BundleHeader = declare({
  numShards: field(1, int32),
  /** 0 little, 1 big. */
  endianness: field(2, int32),
});

export const BundleEntry = declare({
  dtype: field(1, int32),
  shape: field(
    2,
    message(() => TensorShape),
  ),
  shardId: field(3, int32),
  offset: field(4, int),
  size: field(5, int),
  crc32c: field(6, fixed32),
  /** Present when the tensor is partitioned: where each slice lies in it. */
  slices: repeated(
    7,
    message(() =>
      declare({
        extent: repeated(
          1,
          message(() => declare({ start: field(1, int), length: optional(2, int) })),
        ),
      }),
    ),
  ),
});
export type BundleEntry = Infer<typeof BundleEntry>;
