/**
 * The contract between the planner and the WASM kernels: how an op of the vocabulary becomes
 * kernel calls. Families of ops implement it in wasm/lower/, one table per family.
 */
import type { KernelCallArguments, KernelName } from '@linnet/runtime-wasm';
import type {
  ActivationFunctionType,
  OpName,
  OptionsOf,
  TensorType,
  TypedArray,
} from '@linnet/schema';

/** A place in one of the plan's buffers; the address is only known once the plan is bound. */
export interface BufferRef {
  /** Index into Plan.buffers. */
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

export interface Emitter {
  /** Appends a kernel call. Pointers are BufferRefs; liveness follows from the declaration. */
  call<K extends KernelName>(kernel: K, args: KernelCallArguments<K, BufferRef>): void;
  /** Working space, 64-byte aligned, that lives for this node only. */
  scratch(bytes: number): BufferRef;
  /**
   * Scratch for every thread that may run the plan: `bytes` (a multiple of 64) times the number of
   * threads; thread t owns those from t * bytes on.
   */
  threadScratch(bytes: number): BufferRef;
  /**
   * Data made at plan time (packed weights, tables, index lists), resident for the model's life
   * and shared between plans of the same model: the identity is `key` and the site's constant
   * operands, so `key` names the packing and says everything else that the data depends on
   * (sizes of other operands, options). `make` runs once, when the plan is bound; a constant
   * operand whose own `ref` no call uses is not made resident.
   */
  constant(key: string, make: () => TypedArray): BufferRef;
}

/**
 * How one op runs on WASM kernels.
 *
 * `supports` says whether `lower` can take this site as it is. Where it says no because of a dtype
 * (quantized integers, float16), the planner wraps the node: inputs are expanded to float32, the
 * float32 form is lowered, the outputs are quantized again; so a lowering need only handle float32
 * and the forms that have kernels of their own. `alias` marks ops whose output is input 0 with
 * another shape: the planner shares the buffer and copies only where it must.
 */
export interface Lowering<N extends OpName> {
  readonly alias?: true;
  supports(site: LowerSite<N>): boolean;
  lower(site: LowerSite<N>, emit: Emitter): void;
}
