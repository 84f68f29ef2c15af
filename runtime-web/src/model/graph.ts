/** The executable model: what planning starts from. */
import type {
  BuiltinNode,
  OpName,
  OpRecords,
  OptionsOf,
  Signature,
  TensorType,
} from '@linnet/schema';
import type { Known } from './known.js';
import type { StringPool } from './strings.js';

/** A model in which every node can be planned: checked, composites inlined, constants dense. */
export interface ExecutableModel {
  readonly graphs: readonly Graph[];
  /** At least one; a file without any gets one whose key is empty. */
  readonly signatures: readonly Signature[];
  readonly strings: StringPool;
  /** Of all ops that it has. */
  readonly records: OpRecords;
}

export interface Graph {
  readonly index: number;
  readonly name: string;
  readonly tensors: readonly GraphTensor[];
  /** In an order in which every tensor is written before it is read. */
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface GraphTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly constant: Known | null;
  /** Keeps its value from one run to the next, zero at first. */
  readonly isVariable: boolean;
}

/** A node; `options` are those of `op`. Tensor indices, -1 for an input that is left out. */
export type GraphNode = {
  readonly [N in OpName]: {
    readonly op: N;
    readonly options: OptionsOf<N>;
    readonly inputs: readonly number[];
    readonly outputs: readonly number[];
    /** Tensors that carry the op's inner quantization; empty for most. */
    readonly intermediates: readonly number[];
    /** For messages: the position in the file, `#12`. */
    readonly name: string;
  };
}[OpName];

/** A file's node under its position. */
export function graphNode(node: BuiltinNode, name: string): GraphNode {
  const { op, options, inputs, outputs, intermediates = [] } = node;
  return { op, options, inputs, outputs, intermediates, name } as GraphNode;
}
