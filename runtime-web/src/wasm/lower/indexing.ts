/** Ops that read or write where a tensor of indices says; the kernels report indices outside. */
import { formatType, LinnetError, normalizeAxis, type OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { canMove, inputOf, isOneElement, outputOf } from '../../lower/operands.js';
import { isQuantizedDType, QUANTIZED } from '../../lower/quantization.js';
import { elementBytes } from '../../model/storage.js';
import type { BufferRef, LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { canDequantize } from './conversion.js';
import { field } from './dims.js';
import { emitFill, indices } from './operands.js';
import { narrowed, suffixOf, widened } from './widening.js';

const gather: Lowering<'GATHER'> = {
  supports: (site) => canMove(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const [x, positions, y] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const { shape } = x.type;
    const axis = normalizeAxis(site.options.axis, shape.length);
    const { batchDims: given } = site.options;
    const batchDims = given < 0 ? given + positions.type.shape.length : given;
    const { ref, wide } = indices(emit, positions);
    emit.call('gather', {
      x: x.ref,
      indices: ref,
      y: y.ref,
      slice_bytes: elementBytes(x.type.dtype) * count(shape.slice(axis + 1)),
      batch: count(shape.slice(0, batchDims)),
      outer: count(shape.slice(batchDims, axis)),
      length: shape[axis] as number,
      count: count(positions.type.shape.slice(batchDims)),
      wide,
    });
  },
};

/** Emits the rows of a table that indices name. */
function emitRows(
  emit: Emitter,
  rows: Operand,
  table: { readonly ref: BufferRef; readonly length: number; readonly sliceBytes: number },
  y: BufferRef,
): void {
  const { ref, wide } = indices(emit, rows);
  emit.call('gather', {
    x: table.ref,
    indices: ref,
    y,
    slice_bytes: table.sliceBytes,
    batch: 1,
    outer: 1,
    length: table.length,
    count: count(rows.type.shape),
    wide,
  });
}

/** Whether a quantized table, whole or row by row, is looked up as float32. */
function isHybrid(site: LowerSite<'EMBEDDING_LOOKUP'>): boolean {
  const { type } = inputOf(site, 1);
  const { quantization } = type;
  return (
    outputOf(site).type.dtype === 'float32' &&
    isQuantizedDType(type.dtype) &&
    canDequantize(type) &&
    quantization?.kind === 'affine' &&
    (quantization.scale.length === 1 || quantization.axis === 0)
  );
}

/** Looks up quantized rows, and their scales where each row has its own, and expands them after. */
function emitHybridLookup(emit: Emitter, site: LowerSite<'EMBEDDING_LOOKUP'>): void {
  const [rows, table, y] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
  const { dtype, shape, quantization } = table.type;
  if (quantization?.kind !== 'affine' || !isQuantizedDType(dtype)) return;
  const { scale, zeroPoint } = quantization;
  const length = shape[0] as number;
  const width = count(shape.slice(1));
  const total = count(rows.type.shape);
  const sliceBytes = elementBytes(dtype) * width;
  const quantized = emit.scratch(sliceBytes * total);
  emitRows(emit, rows, { ref: table.ref, length, sliceBytes }, quantized);
  const perRow = scale.length > 1;
  const parameter = (name: string, values: Float32Array | Int32Array) => {
    const all = emit.constant(name, () => values);
    if (!perRow) return all;
    const found = emit.scratch(4 * total);
    emitRows(emit, rows, { ref: all, length, sliceBytes: 4 }, found);
    return found;
  };
  emit.call(`dequantize_${QUANTIZED[dtype].kernel}`, {
    x: quantized,
    y: y.ref,
    scale: parameter('scales', scale),
    zero: parameter('zeros', zeroPoint),
    channels: perRow ? total : 1,
    inner: perRow ? width : total * width,
    count: total * width,
  });
}

const embeddingLookup: Lowering<'EMBEDDING_LOOKUP'> = {
  supports: (site) => canMove(inputOf(site, 1).type, outputOf(site).type) || isHybrid(site),
  lower(site, emit) {
    if (isHybrid(site)) return emitHybridLookup(emit, site);
    const { ref, type } = inputOf(site, 1);
    const sliceBytes = elementBytes(type.dtype) * count(type.shape.slice(1));
    const table = { ref, length: type.shape[0] as number, sliceBytes };
    emitRows(emit, inputOf(site, 0), table, outputOf(site).ref);
  },
};

const gatherNd: Lowering<'GATHER_ND'> = {
  supports: (site) =>
    (inputOf(site, 1).type.shape.at(-1) as number) <= 8 &&
    canMove(inputOf(site, 0).type, outputOf(site).type),
  lower(site, emit) {
    const [x, positions, y] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const depth = positions.type.shape.at(-1) as number;
    const { ref, wide } = indices(emit, positions);
    emit.call('gather_nd', {
      x: x.ref,
      indices: ref,
      y: y.ref,
      slice_bytes: elementBytes(x.type.dtype) * count(x.type.shape.slice(depth)),
      rows: count(positions.type.shape.slice(0, -1)),
      depth,
      dims: field(x.type.shape.slice(0, depth)),
      wide,
    });
  },
};

type Join = 'add' | 'mul' | 'max' | 'min';
type ScatterSuffix = 'f32' | 'i32' | 'i64';

/** The value that joining leaves as it is: what places start from. */
const FIRST: { readonly [J in Join]: { readonly [S in ScatterSuffix]: number | bigint } } = {
  add: { f32: 0, i32: 0, i64: 0n },
  mul: { f32: 1, i32: 1, i64: 1n },
  max: { f32: -3.4028234663852886e38, i32: -(2 ** 31), i64: -(2n ** 63n) },
  min: { f32: 3.4028234663852886e38, i32: 2 ** 31 - 1, i64: 2n ** 63n - 1n },
};

function firstElement(emit: Emitter, join: Join, type: ScatterSuffix): BufferRef {
  const value = FIRST[join][type];
  return emit.constant(`first of ${join} ${type}`, () => {
    if (typeof value === 'bigint') return BigInt64Array.of(value);
    return type === 'f32' ? Float32Array.of(value) : Int32Array.of(value);
  });
}

/** Kernels that join exist for the types that arithmetic is done in; sums of bool are true or false. */
function canScatter(updates: Operand, y: Operand): boolean {
  const { dtype, quantization } = updates.type;
  const known = suffixOf(dtype) !== undefined && dtype !== 'string';
  return known && dtype === y.type.dtype && (quantization === undefined || dtype === 'float32');
}

/**
 * Emits y, of shape [dims, inner], with the rows of updates joined to the places that indices name;
 * where those number `segments`, negative ones leave rows out.
 */
function emitScatter(
  emit: Emitter,
  join: Join,
  positions: Operand,
  updates: Operand,
  y: Operand,
  dims: readonly number[],
  segments: 0 | 1,
): void {
  const type = suffixOf(y.type.dtype) as ScatterSuffix;
  const inner = count(y.type.shape.slice(dims.length));
  const { ref, wide } = indices(emit, positions);
  const from = widened(updates, emit);
  narrowed(y, emit, (to) => {
    const size = type === 'i64' ? 8 : 4;
    emit.call('fill', {
      value: firstElement(emit, join, type),
      y: to,
      size,
      count: count(y.type.shape),
    });
    emit.call(`scatter_${join}_${type}`, {
      indices: ref,
      updates: from,
      y: to,
      rows: count(updates.type.shape) / inner,
      depth: dims.length,
      dims: field(dims),
      inner,
      wide,
      segments,
    });
  });
}

const scatterNd: Lowering<'SCATTER_ND'> = {
  supports: (site) =>
    (inputOf(site, 0).type.shape.at(-1) as number) <= 8 &&
    canScatter(inputOf(site, 1), outputOf(site)),
  lower(site, emit) {
    const [positions, updates, y] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const dims = y.type.shape.slice(0, positions.type.shape.at(-1) as number);
    emitScatter(emit, 'add', positions, updates, y, dims, 0);
  },
};

/** Rows of data joined by segment: the ids are indices into the output's first dimension. */
function segments<N extends OpName>(join: Join): Lowering<N> {
  return {
    supports: (site) => canScatter(inputOf(site, 0), outputOf(site)),
    lower(site, emit) {
      const y = outputOf(site);
      emitScatter(emit, join, inputOf(site, 1), inputOf(site, 0), y, y.type.shape.slice(0, 1), 1);
    },
  };
}

const sparseToDense: Lowering<'SPARSE_TO_DENSE'> = {
  supports: (site) =>
    outputOf(site).type.shape.length <= 8 &&
    isOneElement(site, 3) &&
    [2, 3].every((index) => canMove(inputOf(site, index).type, outputOf(site).type)),
  lower(site, emit) {
    const [positions, values, y] = [inputOf(site, 0), inputOf(site, 2), outputOf(site)];
    const { shape } = positions.type;
    const depth = shape.length === 2 ? (shape[1] as number) : 1;
    const rows = shape[0] ?? 1;
    const dims = y.type.shape;
    const isScalar = values.type.shape.length === 0;
    if (depth !== dims.length || (!isScalar && count(values.type.shape) !== rows)) {
      throw new LinnetError(
        'INVALID_MODEL',
        `Indices ${formatType(positions.type)} and values ${formatType(values.type)} do not fit an output of shape [${dims}].`,
      );
    }
    emitFill(emit, y, inputOf(site, 3).ref);
    const { ref, wide } = indices(emit, positions);
    emit.call('scatter_set', {
      indices: ref,
      values: values.ref,
      y: y.ref,
      size: elementBytes(y.type.dtype),
      rows,
      depth,
      dims: field(dims),
      step: isScalar ? 0 : 1,
      wide,
    });
  },
};

export const INDEXING_LOWERINGS = {
  GATHER: gather,
  GATHER_ND: gatherNd,
  EMBEDDING_LOOKUP: embeddingLookup,
  SCATTER_ND: scatterNd,
  SEGMENT_SUM: segments<'SEGMENT_SUM'>('add'),
  UNSORTED_SEGMENT_SUM: segments<'UNSORTED_SEGMENT_SUM'>('add'),
  UNSORTED_SEGMENT_PROD: segments<'UNSORTED_SEGMENT_PROD'>('mul'),
  UNSORTED_SEGMENT_MAX: segments<'UNSORTED_SEGMENT_MAX'>('max'),
  UNSORTED_SEGMENT_MIN: segments<'UNSORTED_SEGMENT_MIN'>('min'),
  SPARSE_TO_DENSE: sparseToDense,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
