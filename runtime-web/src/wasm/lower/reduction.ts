/** Reductions, searches and running sums along dimensions. */
import type { KernelName } from '@linnet/runtime-wasm';
import { normalizeAxis, type OpName, type TensorType } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { type FixedFactor, fixedFactor } from '../../lower/fixed-point.js';
import { inputOf, integersOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor, QUANTIZED } from '../../lower/quantization.js';
import { type Axis, axisOf, passesOf, type ReductionOp } from '../../lower/reduction.js';
import { elementBytes } from '../../model/storage.js';
import type { BufferRef, LowerSite } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitCast } from './conversion.js';
import { layerNormalization } from './normalization.js';
import { elementConstant, emitFill, emitMove } from './operands.js';
import { narrowed, suffixOf, widened } from './widening.js';

function reducedAxes(site: LowerSite<ReductionOp>): ReadonlySet<number> {
  const { shape } = inputOf(site, 0).type;
  return new Set(integersOf(site, 1).map((axis) => normalizeAxis(axis, shape.length)));
}

/** The name that the kernels of an op share. */
const NAMES = {
  SUM: 'sum',
  MEAN: 'sum',
  REDUCE_MAX: 'max',
  REDUCE_MIN: 'min',
  REDUCE_PROD: 'prod',
  REDUCE_ANY: 'any',
  REDUCE_ALL: 'all',
} as const satisfies { readonly [N in ReductionOp]: string };

/** Integer sums of quantized elements must fit into int32. */
const MAX_ELEMENTS = { int8: 2 ** 23, uint8: 2 ** 23, int16: 2 ** 16 } as const;

/** MEAN or SUM of quantized elements in one pass, with the result requantized. */
function quantizedSum(site: LowerSite<ReductionOp>) {
  if (NAMES[site.op] !== 'sum') return null;
  const [x, y] = [perTensor(inputOf(site, 0).type), perTensor(outputOf(site).type)];
  const passes = passesOf(inputOf(site, 0).type.shape, reducedAxes(site));
  const [pass] = passes;
  if (!x || !y || x.dtype !== y.dtype) return null;
  if (passes.length !== 1 || pass === undefined) return null;
  if (pass.length === 0 || pass.length > MAX_ELEMENTS[x.dtype]) return null;
  return { x, y, pass };
}

function emitQuantizedSum(
  emit: Emitter,
  site: LowerSite<ReductionOp>,
  { x, y, pass }: { readonly x: PerTensor; readonly y: PerTensor; readonly pass: Axis },
): void {
  const { length } = pass;
  const scale = x.scale / y.scale;
  const block = { x: inputOf(site, 0).ref, y: outputOf(site).ref, ...pass };
  const target = { zero: y.zero, low: y.low, high: y.high };
  const { kernel } = QUANTIZED[x.dtype];
  if (site.op === 'SUM') {
    const bias = Math.fround(-x.zero * Math.fround(scale)) * length;
    emit.call(`reduce_sum_q${kernel}`, { ...block, ...target, scale, bias });
  } else if (kernel === 'i16') {
    emit.call('reduce_mean_qi16', { ...block, ...meanFactor(scale, length) });
  } else {
    const offset = length * x.zero;
    emit.call(`reduce_mean_q${kernel}`, { ...block, ...target, scale: scale / length, offset });
  }
}

/** The factor that makes means of sums of `length` elements. Source: QuantizedMeanOrSum of TFLite's reduce.h. */
function meanFactor(scale: number, length: number): FixedFactor {
  const { multiplier, shift } = fixedFactor(scale);
  const bits = Math.min(Math.floor(Math.log2(length)), 31 + shift);
  return { multiplier: Math.floor((multiplier * 2 ** bits) / length), shift: shift - bits };
}

/** How a reduction is carried out on a dtype. */
interface Form {
  readonly kernel: KernelName;
  /** Whether elements are widened to the kernel's type first. */
  readonly widens: boolean;
  readonly bytes: number;
}

function formOf(op: ReductionOp, { dtype }: TensorType): Form | null {
  const name = NAMES[op];
  if (name === 'any' || name === 'all') {
    return dtype === 'bool' ? { kernel: `reduce_${name}`, widens: false, bytes: 1 } : null;
  }
  if ((name === 'max' || name === 'min') && (dtype === 'int8' || dtype === 'uint8')) {
    return { kernel: `reduce_${name}_${QUANTIZED[dtype].kernel}`, widens: false, bytes: 1 };
  }
  const type = suffixOf(dtype);
  if (type === undefined || dtype === 'string' || dtype === 'bool') return null;
  const bytes = type === 'i64' ? 8 : 4;
  return { kernel: `reduce_${name}_${type}`, widens: elementBytes(dtype) < bytes, bytes };
}

/** Max and min only pick elements, so that quantized ones do as they are. */
function picks(op: ReductionOp): boolean {
  return NAMES[op] === 'max' || NAMES[op] === 'min';
}

/** Emits the passes of a reduction from one buffer to another, both in the kernel's type. */
function emitPasses(
  emit: Emitter,
  form: Form,
  passes: readonly Axis[],
  divisor: number,
  x: BufferRef,
  y: BufferRef,
): void {
  let from = x;
  passes.forEach((pass, index) => {
    const isLast = index === passes.length - 1;
    const to = isLast ? y : emit.scratch(form.bytes * pass.outer * pass.inner);
    const block = { x: from, y: to, ...pass };
    if (form.kernel.startsWith('reduce_sum')) {
      emit.call(form.kernel as 'reduce_sum_f32', { ...block, divisor: isLast ? divisor : 1 });
    } else {
      emit.call(form.kernel as 'reduce_max_f32', block);
    }
    from = to;
  });
}

function reduction<N extends ReductionOp>(): Lowering<N> {
  return {
    supports(anySite) {
      const site = anySite as LowerSite<ReductionOp>;
      if (quantizedSum(site) !== null) return true;
      const [x, y] = [inputOf(site, 0).type, outputOf(site).type];
      const form = formOf(site.op, x);
      if (form === null || x.dtype !== y.dtype) return false;
      // The largest number of a wider type would not survive the narrowing.
      if (picks(site.op) && x.shape.includes(0) && form.widens) return false;
      return x.dtype === 'float32' || picks(site.op)
        ? sameElements(x, y)
        : x.quantization === undefined && y.quantization === undefined;
    },
    lower(anySite, emit) {
      const site = anySite as LowerSite<ReductionOp>;
      const quantized = quantizedSum(site);
      if (quantized !== null) return emitQuantizedSum(emit, site, quantized);
      const [x, y] = [inputOf(site, 0), outputOf(site)];
      const form = formOf(site.op, x.type) as Form;
      const passes = passesOf(x.type.shape, reducedAxes(site));
      if (passes.length === 0) return emitMove(emit, x, y);
      const length = passes.reduce((product, pass) => product * pass.length, 1);
      const divisor = site.op === 'MEAN' ? Math.max(length, x.type.dtype === 'float32' ? 0 : 1) : 1;
      if (!form.widens) return emitPasses(emit, form, passes, divisor, x.ref, y.ref);
      const wide = widened(x, emit);
      narrowed(y, emit, (to) => emitPasses(emit, form, passes, divisor, wide, to));
    },
  };
}

/** The mean, or what fusion has made of it. */
const mean: Lowering<'MEAN'> = {
  supports: (site) => meanForm(site).supports(site),
  lower: (site, emit) => meanForm(site).lower(site, emit),
};

function meanForm(site: LowerSite<'MEAN'>): Lowering<'MEAN'> {
  return site.fused.normalization === undefined ? reduction<'MEAN'>() : layerNormalization;
}

type IndexedSuffix = 'f32' | 'i32' | 'i64';

/** The kernels' type for ops that compare elements; quantized ones are compared as they are. */
function comparable(type: TensorType): IndexedSuffix | null {
  return type.dtype === 'string' ? null : (suffixOf(type.dtype) ?? null);
}

/** The bits to invert so that the byte that an op looks for is the largest as uint8. */
const ARG_FLIPS = {
  arg_max: { uint8: 0, int8: 0x80 },
  arg_min: { uint8: 0xff, int8: 0x7f },
} as const;

function arg<N extends 'ARG_MAX' | 'ARG_MIN'>(name: 'arg_max' | 'arg_min'): Lowering<N> {
  return {
    supports: (site) => comparable(inputOf(site, 0).type) !== null,
    lower(site, emit) {
      const [x, y] = [inputOf(site, 0), outputOf(site)];
      const axis = axisOf(x.type.shape, integersOf(site, 1)[0] as number);
      if (axis.length === 0) return emitFill(emit, y, elementConstant(emit, y.type));
      const wide = y.type.dtype === 'int64' ? 1 : 0;
      const { dtype } = x.type;
      if (axis.inner === 1 && (dtype === 'uint8' || dtype === 'int8')) {
        const { outer, length } = axis;
        const block = { x: x.ref, outer, length, flip: ARG_FLIPS[name][dtype], wide };
        return narrowed(y, emit, (to) => emit.call('arg_most_8', { ...block, y: to }));
      }
      const type = comparable(x.type) as IndexedSuffix;
      const from = widened(x, emit);
      narrowed(y, emit, (to) => emit.call(`${name}_${type}`, { x: from, y: to, ...axis, wide }));
    },
  };
}

const cumsum: Lowering<'CUMSUM'> = {
  supports(site) {
    const [x, y] = [inputOf(site, 0).type, outputOf(site).type];
    return comparable(x) !== null && x.quantization === undefined && x.dtype === y.dtype;
  },
  lower(site, emit) {
    const [x, y] = [inputOf(site, 0), outputOf(site)];
    const axis = axisOf(x.type.shape, integersOf(site, 1)[0] as number);
    const type = comparable(x.type) as IndexedSuffix;
    const [exclusive, reverse] = [site.options.exclusive ? 1 : 0, site.options.reverse ? 1 : 0];
    const from = widened(x, emit);
    narrowed(y, emit, (to) =>
      emit.call(`cumsum_${type}`, { x: from, y: to, ...axis, exclusive, reverse }),
    );
  },
};

const topK: Lowering<'TOPK_V2'> = {
  supports: (site) =>
    comparable(inputOf(site, 0).type) !== null &&
    sameElements(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const [x, values, indices] = [inputOf(site, 0), outputOf(site, 0), outputOf(site, 1)];
    const k = values.type.shape.at(-1) as number;
    const length = x.type.shape.at(-1) as number;
    const rows = count(x.type.shape.slice(0, -1));
    const type = comparable(x.type) as IndexedSuffix;
    const from = widened(x, emit);
    const { dtype } = indices.type;
    const positions = dtype === 'int32' ? indices.ref : emit.scratch(4 * rows * k);
    narrowed(values, emit, (to) =>
      emit.call(`top_k_${type}`, { x: from, values: to, indices: positions, rows, length, k }),
    );
    if (dtype !== 'int32') {
      emitCast(emit, rows * k, { dtype: 'int32', ref: positions }, { dtype, ref: indices.ref });
    }
  },
};

export const REDUCTION_LOWERINGS = {
  SUM: reduction<'SUM'>(),
  MEAN: mean,
  REDUCE_MAX: reduction<'REDUCE_MAX'>(),
  REDUCE_MIN: reduction<'REDUCE_MIN'>(),
  REDUCE_PROD: reduction<'REDUCE_PROD'>(),
  REDUCE_ANY: reduction<'REDUCE_ANY'>(),
  REDUCE_ALL: reduction<'REDUCE_ALL'>(),
  ARG_MAX: arg<'ARG_MAX'>('arg_max'),
  ARG_MIN: arg<'ARG_MIN'>('arg_min'),
  CUMSUM: cumsum,
  TOPK_V2: topK,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
