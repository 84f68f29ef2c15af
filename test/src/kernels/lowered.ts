/** Runs what lowerings emit, call by call, on a KernelHost: without planner, arena or binding. */
import {
  blockLayout,
  isPointer,
  KERNELS,
  type KernelCallArguments,
  type KernelName,
} from '@linnet/runtime-wasm';
import {
  arrayType,
  DTYPE_NAMES,
  elementCount,
  OP_NAMES,
  type OpName,
  type OptionsOf,
  type TensorType,
  type TypedArray,
} from '@linnet/schema';
import type { Blocks } from '../../../runtime-web/dist/model/blocks.js';
import { bytesOf } from '../../../runtime-web/dist/model/storage.js';
import { loadOps, withSparse } from '../../../runtime-web/dist/ops/load.js';
import type {
  BufferRef,
  Fused,
  LowerSite,
  Operand,
} from '../../../runtime-web/dist/plan/lowering.js';
import type { ByteDot } from '../../../runtime-web/dist/wasm/dot.js';
import type { Emitter, Lowering, Place } from '../../../runtime-web/dist/wasm/lowering.js';
import type { KernelHost } from './harness.js';

export interface LoweredInput {
  readonly type: TensorType;
  readonly elements: TypedArray;
  /** Known while planning. */
  readonly isConstant: boolean;
  /** What the elements were quantized to. */
  readonly blocks?: Blocks;
}

export interface LoweredSite<N extends OpName> {
  readonly op: N;
  readonly options: OptionsOf<N>;
  readonly fused?: Fused;
  readonly inputs: readonly (LoweredInput | null)[];
  readonly output: TensorType;
}

const OPS = await withSparse(
  await loadOps({ ops: new Set(OP_NAMES), dtypes: new Set(DTYPE_NAMES), hasSparsity: false }),
);

/**
 * The output's elements; undefined where the lowering does not support the site. `dot` must be one
 * that the host's build has here.
 */
export function runLowered<N extends OpName>(
  host: KernelHost,
  { op, options, fused = {}, inputs, output }: LoweredSite<N>,
  dot: ByteDot = 'none',
): TypedArray | undefined {
  const lowering = OPS.lowerings(dot)[op] as unknown as Lowering<N> | 'structural';
  if (lowering === 'structural') return undefined;
  const buffers: TypedArray[] = [];
  const place = (array: TypedArray): BufferRef => ({ buffer: buffers.push(array) - 1, offset: 0 });
  const operand = (type: TensorType, elements: TypedArray, isConstant: boolean): Operand => ({
    type,
    ref: place(elements),
    value: isConstant ? elements : undefined,
  });
  const result = new (arrayType(output.dtype) ?? Uint8Array)(elementCount(output.shape) ?? 0);
  const site: LowerSite<N> = {
    op,
    options,
    fused,
    inputs: inputs.map(
      (input) =>
        input && {
          ...operand(input.type, input.elements, input.isConstant),
          blocks: input.blocks ?? null,
        },
    ),
    outputs: [operand(output, result, false)],
    intermediates: [],
  };
  if (!lowering.supports(site)) return undefined;
  const emitter: Emitter = {
    call: (kernel, args) => host.call(kernel, onArrays(kernel, args, buffers)),
    partOf: () => emitter,
    choose: ({ preferred }) => preferred,
    scratch: (bytes) => place(new Uint8Array(bytes).fill(0xff)),
    threadScratch: (bytes) => place(new Uint8Array(bytes * host.threads).fill(0xff)),
    constant: (_, make) => place(make()),
    computed: (_, bytes, kernel, calls) => place(compute(host, bytes, kernel, calls())),
  };
  lowering.lower(site, emitter);
  return result;
}

/** A constant that calls of a kernel compute. */
export function compute<K extends KernelName>(
  host: KernelHost,
  bytes: number,
  kernel: K,
  calls: Iterable<KernelCallArguments<K, Place>>,
): Uint8Array {
  const constant = new Uint8Array(bytes).fill(0xff);
  for (const args of calls) host.call(kernel, onParts(kernel, args, constant));
  return constant;
}

/** The arguments with each reference replaced by the buffer it points at. */
function onArrays<K extends KernelName>(
  kernel: K,
  args: KernelCallArguments<K, BufferRef>,
  buffers: readonly TypedArray[],
): KernelCallArguments<K, TypedArray> {
  const replaced: Record<string, unknown> = { ...args };
  for (const { name, type } of blockLayout(KERNELS[kernel]).fields) {
    const ref = replaced[name] as BufferRef | null;
    if (!isPointer(type) || ref === null) continue;
    const buffer = buffers[ref.buffer] as TypedArray;
    replaced[name] = ref.offset === 0 ? buffer : bytesOf(buffer).subarray(ref.offset);
  }
  return replaced as KernelCallArguments<K, TypedArray>;
}

/** The arguments of a call that computes a part of a constant. */
function onParts<K extends KernelName>(
  kernel: K,
  args: KernelCallArguments<K, Place>,
  constant: Uint8Array,
): KernelCallArguments<K, TypedArray> {
  const replaced: Record<string, unknown> = { ...args };
  for (const [name, type] of Object.entries(KERNELS[kernel])) {
    const place = replaced[name];
    if (isPointer(type) && typeof place === 'number') replaced[name] = constant.subarray(place);
  }
  return replaced as KernelCallArguments<K, TypedArray>;
}
