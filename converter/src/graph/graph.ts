import type { Metadata, OpName, OptionsOf, Sparsity, TensorType } from '@linnet/schema';

export type TensorId = number;
export type NodeId = number;

/** A value in a graph: an input, a constant (`data` is set) or the output of one node. */
export interface Tensor extends TensorType {
  readonly id: TensorId;
  readonly name: string;
  /** Contents of a constant, laid out as in a TFLite buffer (little-endian, packed); else null. */
  readonly data: Uint8Array | null;
  /** Keeps its value from one run to the next (the state of an LSTM). */
  readonly isVariable: boolean;
  readonly sparsity?: Sparsity;
}

/** One application of an op of the vocabulary. Distributes over the ops, so that `op` narrows `options`. */
export type Node<N extends OpName = OpName> = {
  [O in N]: {
    readonly id: NodeId;
    readonly op: O;
    /** Where the node comes from, for messages: the name in the source model. */
    readonly name: string;
    readonly options: OptionsOf<O>;
    /** null where an optional input is left out. */
    readonly inputs: readonly (TensorId | null)[];
    readonly outputs: readonly TensorId[];
  };
}[N];

/** An entry point with the names that callers use. */
export interface Signature {
  readonly key: string;
  readonly graph: Graph;
  /** Public names, in order, of `graph.inputs` and `graph.outputs`. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

/** All graphs of a model; the ones that control flow refers to come after the ones signatures name. */
export interface Program {
  readonly graphs: readonly Graph[];
  readonly signatures: readonly Signature[];
  readonly metadata: readonly Metadata[];
  readonly description: string;
}

/**
 * A dataflow graph in topological order.
 *
 * Only Graph changes its own maps; passes describe changes as patches (see patch.ts), importers
 * build through GraphBuilder (see builder.ts).
 */
export class Graph {
  readonly tensors = new Map<TensorId, Tensor>();
  /** In topological order: a node comes after the producers of its inputs. */
  readonly nodes = new Map<NodeId, Node>();
  inputs: readonly TensorId[] = [];
  outputs: readonly TensorId[] = [];

  constructor(readonly name: string) {}

  tensor(id: TensorId): Tensor {
    const tensor = this.tensors.get(id);
    if (tensor === undefined) throw new RangeError(`graph ${this.name} has no tensor ${id}`);
    return tensor;
  }

  node(id: NodeId): Node {
    const node = this.nodes.get(id);
    if (node === undefined) throw new RangeError(`graph ${this.name} has no node ${id}`);
    return node;
  }
}
