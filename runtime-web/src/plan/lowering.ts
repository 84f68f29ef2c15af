/**
 * What planning asks of a backend for one node: the site that it is, and how calls for it are
 * taken. Each backend has tables, one per family of ops, that implement `Lowering` with an emitter
 * of its own: wasm/lower/, webgpu/lower/.
 */
import type {
  ActivationFunctionType,
  OpName,
  OptionsOf,
  TensorType,
  TypedArray,
} from '@linnet/schema';
import type { Blocks } from '../model/blocks.js';
import type { Decision } from './choice.js';
import type { NodeLabel } from './plan.js';

/** A place in one of a program's buffers; the address is only known once the program is bound. */
export interface BufferRef {
  /** Index into Program.buffers. */
  readonly buffer: number;
  /** Bytes from the buffer's start. */
  readonly offset: number;
}

/** A tensor as a lowering sees it: all dimensions are known. */
export interface Operand {
  readonly type: TensorType;
  readonly ref: BufferRef;
  /**
   * The elements when they are known at plan time: constants, and the shape arithmetic that
   * depends on input shapes alone. Always present for the op's `valueInputs`.
   */
  readonly value: TypedArray | undefined;
  /** What `value`, which is made when it is first asked for, was quantized to, in blocks. */
  readonly blocks?: Blocks | null;
  /** Whether it is state, which nodes that read it may update; all else must stay as it is. */
  readonly isVariable?: boolean;
}

/** What fusion has folded into a node beyond what a TFLite node can say. */
export interface Fused {
  /** Explicit zero padding in elements that replaces the op's own padding scheme. */
  readonly padding?: {
    readonly top: number;
    readonly bottom: number;
    readonly left: number;
    readonly right: number;
  };
  /** Activation that replaces the op's own (NONE) fused activation. */
  readonly activation?: ActivationFunctionType;
  /**
   * A CONV_2D whose output, of this type, a DEPTHWISE_CONV_2D reads instead of input 0, which goes
   * into the former; inputs 3 and 4 are its weights and bias.
   */
  readonly expansion?: {
    readonly node: NodeLabel;
    readonly type: TensorType;
    readonly options: OptionsOf<'CONV_2D'>;
    readonly activation: ActivationFunctionType;
  };
  /**
   * MEAN gives, instead of the mean, its input normalized over the last dimensions, `depth`
   * elements: (x - mean) / sqrt(variance + epsilon) * gamma + beta; inputs 1 and 2 are gamma and
   * beta or absent.
   */
  readonly normalization?: { readonly epsilon: number; readonly depth: number };
  /**
   * BATCH_MATMUL gives softmax(scale * queries keys^T, masked) values of its inputs: queries [...,
   * rows, depth], keys [..., columns, depth], values [..., columns, value depth] and a mask, or none,
   * that broadcasts to [..., rows, columns]. `axes` tells which dimension of queries, keys, values and
   * the output each of these is. A float32 mask is added; where one of bool is false, `otherwise` takes the
   * scaled product's place.
   */
  readonly attention?: {
    readonly axes: readonly [
      queries: readonly number[],
      keys: readonly number[],
      values: readonly number[],
      output: readonly number[],
    ];
    readonly scale: number;
    readonly otherwise: number | null;
  };
  /** Rows of the output, its last dimension, begin this many elements apart: it lies in another tensor. */
  readonly pitch?: number;
  /** A LOGISTIC gives its result times its input: swish. */
  readonly gatesInput?: true;
}

export interface LowerSite<N extends OpName> {
  readonly op: N;
  readonly options: OptionsOf<N>;
  readonly fused: Fused;
  readonly inputs: readonly (Operand | null)[];
  readonly outputs: readonly Operand[];
  /** The types of the tensors that carry the op's inner quantization (integer LSTM). */
  readonly intermediates: readonly (TensorType | null)[];
}

/** Memory that a lowering asks for. */
export interface Workspace {
  /** Working space that lives for this node only. */
  scratch(bytes: number): BufferRef;
  /**
   * Data made at plan time (packed weights, tables, index lists), resident for the model's life
   * and shared between plans of the same model: the identity is `key` and the site's constant
   * operands, so `key` names the packing and says everything else that the data depends on
   * (sizes of other operands, options). `make` runs once, when the plan is bound; a constant
   * operand whose own `ref` no call uses is not made resident.
   */
  constant(key: string, make: () => TypedArray): BufferRef;
}

/** A call that computes a part of a constant from elements known while planning. */
export interface ConstantCall<Work = unknown> {
  /** On buffer 0, which is the constant, and buffers 1 + i, which are sources[i]. */
  readonly work: Work;
  readonly sources: readonly TypedArray[];
}

/** Takes a node's calls. `Work` is what a backend executes; planning does not look into it. */
export interface PlanEmitter<Work = unknown> extends Workspace {
  /**
   * Appends a call; `uses` are all the places that it reads, writes or works in, `node` is the one
   * that it is part of where that is not the site's own but one folded into it.
   */
  call(work: Work, uses: readonly BufferRef[], node?: NodeLabel): void;
  /**
   * Like `constant`, of `bytes` bytes, all of which the backend computes by the calls, one after the
   * other, instead of `make`.
   */
  computed(key: string, bytes: number, calls: () => Iterable<ConstantCall<Work>>): BufferRef;
  /** The candidate of a decision that the node's calls are to follow. */
  choose<C extends string>(decision: Decision<C>): C;
}

/**
 * How one op becomes calls of a backend; `E` is how the backend's calls are emitted.
 *
 * `supports` says whether `lower` can take this site as it is. Where it says no because of a dtype
 * (quantized integers, float16), the planner wraps the node: inputs are expanded to float32, the
 * float32 form is lowered, the outputs are quantized again; so a lowering need only handle float32
 * and the forms that have kernels of their own. `alias` marks ops whose output is input 0 with
 * another shape: the planner shares the buffer and copies only where it must. `pitched` marks ops whose
 * lowering knows Fused.pitch. An output, or an input, may lie anywhere in its buffer.
 */
export interface Lowering<N extends OpName, E> {
  readonly alias?: true;
  readonly pitched?: true;
  supports(site: LowerSite<N>): boolean;
  lower(site: LowerSite<N>, emit: E): void;
}
