/** Emits sums of products: the problems that conv_f32 and conv_q8 solve, and what they share. */
import { invariant, type OpName, type TypedArray } from '@linnet/schema';
import type { BufferRef, Emitter, Lowering, LowerSite, Operand } from '../../plan/lowering.js';
import { quantizedRange } from './activation.js';
import { count } from './dims.js';
import { type Channels, type Numerics, numericsOf, type Product } from './numerics.js';
import {
  itemBytesQ8,
  itemSizeF32,
  type Matrices,
  packF32,
  packQ8,
  padColumns,
  paddedColumns,
} from './packing.js';
import { MAX_COORDINATE } from './window.js';

/** A run of input pixels that neighbour in w, relative to the place of an output pixel. */
export type Run = readonly [d: number, h: number, w: number, pixels: number];

/** Where the parts of one item begin: elements of input and output, and which matrix it takes. */
export interface Item {
  readonly input: number;
  readonly matrix: number;
  readonly output: number;
}

/** What conv_f32 and conv_q8 compute; PROBLEM in their declaration says what the fields mean. */
export interface Problem {
  readonly items: readonly Item[];
  readonly runs: readonly Run[];
  readonly inSize: readonly [d: number, h: number, w: number];
  readonly inPixel: number;
  readonly channels: number;
  readonly grid: readonly [n: number, d: number, h: number, w: number];
  readonly strides: readonly [d: number, h: number, w: number];
  readonly outStart: number;
  readonly outStrides: readonly [n: number, d: number, h: number, w: number];
  readonly matrices: Matrices;
}

/** Bytes of gathered patches that a thread works on at a time: they should stay in its cache. */
const BLOCK_BYTES = 256 * 1024;
const TILE_ROWS = 4;
const MAX_BLOCK_ROWS = 64;

/** An op seen as a product: which one, and the problems that together fill its output. */
export interface ProductView {
  readonly product: Product;
  readonly problems: () => readonly Problem[];
}

/** The lowering of an op that is a sum of products; `view` gives null for one that no kernel has. */
export function productLowering<N extends OpName>(
  view: (site: LowerSite<N>) => ProductView | null,
): Lowering<N> {
  return {
    supports(site) {
      const seen = view(site);
      return seen !== null && numericsOf(seen.product) !== null && seen.problems().every(isSmall);
    },
    lower(site, emit) {
      const seen = view(site);
      const numerics = seen && numericsOf(seen.product);
      invariant(seen && numerics, `${site.op} was lowered though it is not supported.`);
      const shapes = [...site.inputs, ...site.outputs].map(
        (operand) => operand?.type.shape ?? null,
      );
      const key = JSON.stringify([shapes, site.options, site.fused]);
      seen.problems().forEach((problem, index) => {
        emitProduct(emit, seen.product, numerics, problem, `${key} ${index}`);
      });
    },
  };
}

function isSmall({ runs, grid, strides, inSize }: Problem): boolean {
  return [0, 1, 2].every((axis) => {
    const reach = ((grid[axis + 1] as number) - 1) * (strides[axis] as number);
    const offset = runs.reduce(
      (most, run) => Math.max(most, Math.abs(run[axis] as number) + run[3]),
      0,
    );
    return Math.max(inSize[axis] as number, reach) + offset < MAX_COORDINATE;
  });
}

/** Emits all that a problem takes; `key` tells it apart from others with the same constants. */
function emitProduct(
  emit: Emitter,
  product: Product,
  numerics: Numerics,
  problem: Problem,
  key: string,
): void {
  if (problem.grid.includes(0) || problem.matrices.columns === 0) return;
  const { matrices } = problem;
  const output = product.output.ref;
  if (numerics.kind === 'float32') {
    const direct = isDirect(problem);
    emit.call('conv_f32', {
      ...problemArguments(emit, problem, key, itemSizeF32(matrices)),
      ...blockArguments(emit, 4 * matrices.depth, !direct),
      direct: direct ? 1 : 0,
      low: product.activation.low,
      high: product.activation.high,
      input: product.input.ref,
      weights: emitWeightsF32(emit, product, matrices),
      output,
    });
  } else {
    const wide = isWide(product.weights, numerics.channels);
    emit.call('conv_q8', {
      ...problemArguments(emit, problem, key, itemBytesQ8(matrices, wide)),
      ...blockArguments(emit, 4 * Math.ceil(matrices.depth / 2), true),
      ...requantization(emit, product, numerics, matrices),
      wide_weights: wide ? 1 : 0,
      weights: emitWeightsQ8(emit, product, numerics, matrices, wide),
      output,
    });
  }
}

/** Whether patches are single pixels that are inside the image wherever the grid goes. */
function isDirect({ runs, inSize, grid, strides }: Problem): boolean {
  const [run, ...others] = runs;
  if (run === undefined || others.length > 0 || run[3] !== 1) return false;
  return inSize.every((size, axis) => {
    const first = run[axis] as number;
    const last = ((grid[axis + 1] as number) - 1) * (strides[axis] as number) + first;
    return first >= 0 && last < size;
  });
}

function problemArguments(emit: Emitter, problem: Problem, key: string, matrixSize: number) {
  const { items, runs, inSize, inPixel, channels, grid, strides, outStart, outStrides } = problem;
  const { depth, columns } = problem.matrices;
  const itemTable = () =>
    items.flatMap(({ input, matrix, output }) => [
      input,
      matrix * matrixSize,
      output,
      matrix * paddedColumns(columns),
    ]);
  return {
    item_table: emit.constant(`items ${matrixSize} ${key}`, () => Int32Array.from(itemTable())),
    run_table:
      runs.length === 0 ? null : emit.constant(`runs ${key}`, () => Int32Array.from(runs.flat())),
    items: items.length,
    runs: runs.length,
    in_size: inSize,
    in_pixel: inPixel,
    channels,
    depth,
    columns,
    grid,
    strides,
    out_start: outStart,
    out_strides: outStrides,
  };
}

/** Scratch for gathered patches, and for how many rows it is. */
function blockArguments(emit: Emitter, patchBytes: number, gathers: boolean) {
  const tiles = Math.floor(BLOCK_BYTES / Math.max(patchBytes, 1) / TILE_ROWS);
  const rows = TILE_ROWS * Math.min(Math.max(tiles, 1), MAX_BLOCK_ROWS / TILE_ROWS);
  const bytes = threadBytes(rows * patchBytes);
  return {
    block_rows: rows,
    patch_bytes: bytes,
    patches: gathers && bytes > 0 ? emit.threadScratch(bytes) : null,
  };
}

/** Bytes rounded up to what thread scratch comes in. */
export function threadBytes(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Weights and biases packed as conv_f32 wants them: once, or on each run where they may change. */
function emitWeightsF32(emit: Emitter, { weights, bias }: Product, matrices: Matrices): BufferRef {
  const values = constants(weights, bias);
  if (values !== null) {
    const key = `weights f32 ${JSON.stringify(matrices)}`;
    return emit.constant(key, () => packF32(values.weights, values.bias, matrices));
  }
  const packed = emit.scratch(4 * matrices.items * itemSizeF32(matrices));
  emit.call('pack_f32', { ...packArguments(weights, bias, matrices), weights: packed });
  return packed;
}

/** The same for conv_q8. The biases of hybrid products are added later, as reals. */
export function emitWeightsQ8(
  emit: Emitter,
  { weights, bias: addend }: Product,
  numerics: Exclude<Numerics, { kind: 'float32' }>,
  matrices: Matrices,
  wide: boolean,
): BufferRef {
  const bias = numerics.kind === 'hybrid' ? null : addend;
  const { zeroPoint } = numerics.channels;
  const values = constants(weights, bias);
  if (values !== null) {
    const key = `weights q8 ${numerics.kind} ${wide} ${JSON.stringify(matrices)}`;
    return emit.constant(key, () => packQ8(values.weights, values.bias, zeroPoint, matrices, wide));
  }
  invariant(wide, 'Weights that may change are packed as int16.');
  const packed = emit.scratch(matrices.items * itemBytesQ8(matrices, wide));
  emit.call('pack_q8', {
    ...packArguments(weights, bias, matrices),
    is_unsigned: weights.type.dtype === 'uint8' ? 1 : 0,
    zero: zeroPoint[0] as number,
    weights: packed,
  });
  return packed;
}

/** The elements of weights and bias when neither can change. */
function constants(
  weights: Operand,
  bias: Operand | null,
): { readonly weights: TypedArray; readonly bias: TypedArray | null } | null {
  if (weights.value === undefined || (bias !== null && bias.value === undefined)) return null;
  return { weights: weights.value, bias: bias?.value ?? null };
}

function packArguments(weights: Operand, bias: Operand | null, matrices: Matrices) {
  invariant(matrices.runs === undefined, 'Weights that may change are packed as they lie.');
  return {
    input: weights.ref,
    bias: bias?.ref ?? null,
    items: matrices.items,
    depth: matrices.depth,
    columns: matrices.columns,
    item_stride: matrices.itemStride,
    depth_stride: matrices.depthStride,
    column_stride: matrices.columnStride,
    bias_stride: matrices.biasStride,
  };
}

/** Whether weights less their zero points need int16: int8 does where the zero points are 0. */
function isWide({ type, value }: Operand, { zeroPoint }: Channels): boolean {
  return value === undefined || type.dtype === 'uint8' || zeroPoint.some((zero) => zero !== 0);
}

/** Elements of a row that one thread quantizes at a time. */
const ROW_CHUNK = 4096;

/** Emits the quantization of each of `rows` equal parts of a float32 tensor on its own. */
function emitRows(emit: Emitter, { ref, type }: Operand, rows: number) {
  const elements = count(type.shape);
  const block = { input: ref, rows, row_size: elements / rows, chunk: ROW_CHUNK };
  const chunks = Math.max(1, Math.ceil(block.row_size / ROW_CHUNK));
  const ranges = emit.scratch(8 * rows * chunks);
  emit.call('measure_rows', { ...block, ranges });
  const [input, row_params] = [emit.scratch(elements), emit.scratch(8 * rows)];
  emit.call('quantize_rows', { ...block, ranges, output: input, row_params });
  return { input, row_params };
}

/** The REQUANTIZATION fields of a kernel, and its input: quantized here in the hybrid form. */
export function requantization(
  emit: Emitter,
  product: Product,
  numerics: Exclude<Numerics, { kind: 'float32' }>,
  matrices: Matrices,
) {
  const { input, bias, activation } = product;
  const { scale } = numerics.channels;
  const weightScale = (column: number) => (scale.length === 1 ? scale[0] : scale[column]) as number;
  const columns = (name: string, value: (column: number) => number) =>
    emit.constant(`${name} ${scale} ${JSON.stringify(matrices)}`, () =>
      padColumns(matrices, value),
    );
  if (numerics.kind === 'hybrid') {
    const quantized = emitRows(emit, input, numerics.units);
    const biases = bias?.value as Float32Array | undefined;
    return {
      ...quantized,
      scales: columns('hybrid scales', weightScale),
      bias: columns('hybrid bias', (column) => biases?.[column] ?? 0),
      input_unsigned: 0,
      output_unsigned: 0,
      input_zero: 0,
      output_zero: 0,
      low: activation.low,
      high: activation.high,
    };
  }
  const { input: from, output: to } = numerics;
  const { low, high } = quantizedRange(activation, to);
  return {
    input: input.ref,
    scales: columns(`scales ${from.scale} ${to.scale}`, (column) =>
      Math.fround((from.scale * weightScale(column)) / to.scale),
    ),
    bias: null,
    row_params: null,
    input_unsigned: from.dtype === 'uint8' ? 1 : 0,
    output_unsigned: to.dtype === 'uint8' ? 1 : 0,
    input_zero: from.zero,
    output_zero: to.zero,
    low: low - to.zero,
    high: high - to.zero,
  };
}
