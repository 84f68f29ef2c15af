/**
 * A TFLite file as plain objects: what `read` gives and `write` takes.
 *
 * Everything in it has been checked for structure (indices in range, names decoded, buffers inside
 * the file), but not for meaning: shapes may not fit and graphs may not be ordered.
 */
import type { OpName } from './ops/families.js';
import type { OptionsOf } from './ops/index.js';
import type { TensorType } from './tensor-type.js';

export interface Model {
  readonly description: string;
  readonly subgraphs: readonly Subgraph[];
  readonly signatures: readonly Signature[];
  readonly metadata: readonly Metadata[];
}

export interface Subgraph {
  readonly name: string;
  readonly tensors: readonly Tensor[];
  readonly operators: readonly Operator[];
  /** Tensor indices. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface Tensor extends TensorType {
  readonly name: string;
  /** The contents of a constant as stored (little-endian, packed, possibly sparse); else null. */
  readonly data: Uint8Array | null;
  /** Keeps its value from one run to the next. */
  readonly isVariable: boolean;
  readonly sparsity?: Sparsity;
}

/** How a sparse constant is laid out. Source: the schema's SparsityParameters. */
export interface Sparsity {
  readonly traversalOrder: readonly number[];
  readonly blockMap: readonly number[];
  readonly dims: readonly SparsityDim[];
}

export type SparsityDim =
  | { readonly format: 'dense'; readonly size: number }
  | {
      readonly format: 'sparse-csr';
      readonly segments: readonly number[];
      readonly indices: readonly number[];
    };

/** A node of the vocabulary, with its options typed by the op. */
export type BuiltinNode = {
  [N in OpName]: {
    readonly op: N;
    readonly options: OptionsOf<N>;
    /** Tensor indices; -1 where an optional input is left out. */
    readonly inputs: readonly number[];
    readonly outputs: readonly number[];
    /** Tensors that exist only inside the op and carry its inner quantization (integer LSTM). */
    readonly intermediates?: readonly number[];
    readonly version: number;
  };
}[OpName];

/** A node that is outside the vocabulary: a custom op, or a builtin that Linnet does not know. */
export interface ForeignNode {
  readonly op: null;
  /** The custom code, or the builtin's name or number. */
  readonly foreignName: string;
  /** The code of a builtin, null for a custom op. */
  readonly builtinCode: number | null;
  readonly customOptions: Uint8Array;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly intermediates?: readonly number[];
  readonly version: number;
}

export type Operator = BuiltinNode | ForeignNode;

export interface Signature {
  readonly key: string;
  readonly subgraph: number;
  readonly inputs: readonly NamedTensor[];
  readonly outputs: readonly NamedTensor[];
}

export interface NamedTensor {
  readonly name: string;
  /** Tensor index in the signature's subgraph. */
  readonly tensor: number;
}

export interface Metadata {
  readonly name: string;
  readonly data: Uint8Array;
}
