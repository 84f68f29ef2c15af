/** Attention, which planning makes of two batched products and what is between them. */
import { invariant } from '@linnet/schema';
import { count, rowMajor } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { itemSizeF32, paddedColumns, rowsOf } from './packing.js';
import { threadBytes } from './problem.js';
import { TILE_ROWS } from './product-f32.js';

type Site = LowerSite<'BATCH_MATMUL'>;

/** How dimensions of what is read or written lie in a tensor: their sizes, and elements between them. */
interface Layout {
  readonly dims: readonly number[];
  readonly strides: readonly number[];
}

/** A problem of attention as the kernel sees it. */
interface Attention {
  /** The dimensions before rows and columns. */
  readonly batch: readonly number[];
  readonly queries: Layout;
  readonly keys: Layout;
  readonly values: Layout;
  readonly output: Layout;
  readonly mask: Layout | null;
}

/** Bytes of the scores of some rows, which should stay in a cache. */
const SCORES_BYTES = 128 * 1024;

/** More rows at a time gain nothing. */
const MOST_ROWS = 24;

/** Elements after a row of scores: rows of a power of two would share few lines of a cache. */
const APART = 16;

function layoutOf({ type: { shape } }: Operand, axes: readonly number[]): Layout {
  const strides = rowMajor(shape);
  return {
    dims: axes.map((axis) => shape[axis] as number),
    strides: axes.map((axis) => strides[axis] as number),
  };
}

/** How a mask broadcasts to scores of `rank` dimensions. */
function maskLayout({ type: { shape } }: Operand, rank: number): Layout {
  const missing = Array<number>(Math.max(rank - shape.length, 0));
  const dims = [...missing.fill(1), ...shape];
  return { dims, strides: rowMajor(dims).map((stride, axis) => (dims[axis] === 1 ? 0 : stride)) };
}

function attentionOf(site: Site): Attention | null {
  const { axes, otherwise } = site.fused.attention ?? {};
  invariant(axes, 'Attention is lowered where planning has found it.');
  const operands = [inputOf(site, 0), inputOf(site, 1), inputOf(site, 2), outputOf(site)] as const;
  const [queries, keys, values, output] = operands.map((operand, at) =>
    layoutOf(operand, axes[at] as readonly number[]),
  ) as [Layout, Layout, Layout, Layout];
  const mask = site.inputs[3] == null ? null : maskLayout(site.inputs[3], output.dims.length);
  const maskType = otherwise === null ? 'float32' : 'bool';
  const batch = output.dims.slice(0, -2);
  const [rows, columns] = [queries.dims.at(-2) as number, keys.dims.at(-2) as number];
  const fits = (layout: Layout, dims: readonly number[], broadcasts: boolean) =>
    layout.dims.length === dims.length &&
    layout.dims.every((dim, axis) => dim === dims[axis] || (broadcasts && dim === 1));
  const isSupported =
    columns > 0 &&
    operands.every(({ type }) => type.dtype === 'float32') &&
    fits(queries, [...batch, rows, keys.dims.at(-1) as number], false) &&
    fits(keys, [...batch, columns, keys.dims.at(-1) as number], false) &&
    fits(values, [...batch, columns, values.dims.at(-1) as number], false) &&
    fits(output, [...batch, rows, values.dims.at(-1) as number], false) &&
    queries.strides.at(-1) === 1 &&
    output.strides.at(-1) === 1 &&
    (mask === null ||
      (site.inputs[3]?.type.dtype === maskType &&
        fits(mask, [...batch, rows, columns], true) &&
        mask.dims.at(-1) === columns));
  return isSupported ? { batch, queries, keys, values, output, mask } : null;
}

/** Where the parts of each item begin, by the layouts' strides. */
function itemTable(batch: readonly number[], layouts: readonly (Layout | null)[]): Int32Array {
  const steps = rowMajor(batch);
  const offsets = Array.from({ length: count(batch) }, (_, flat) =>
    layouts.map((layout) =>
      batch.reduce((sum, dim, axis) => {
        const index = Math.floor(flat / (steps[axis] as number)) % dim;
        return sum + index * (layout?.strides[axis] ?? 0);
      }, 0),
    ),
  );
  return Int32Array.from(offsets.flat());
}

function emitAttention(emit: Emitter, site: Site, problem: Attention): void {
  const { batch, queries, keys, values, output, mask } = problem;
  const { scale = 1, otherwise = null } = site.fused.attention ?? {};
  const [rows, depth] = queries.dims.slice(-2) as [number, number];
  const [columns, valueDepth] = values.dims.slice(-2) as [number, number];
  const pitch = paddedColumns(columns) + APART;
  const fitting = Math.floor(SCORES_BYTES / (4 * pitch) / TILE_ROWS) * TILE_ROWS;
  const blockRows = Math.max(TILE_ROWS, Math.min(MOST_ROWS, fitting));
  const packed = itemSizeF32(rowsOf(columns, depth)) + itemSizeF32(rowsOf(valueDepth, columns));
  const workBytes = threadBytes(4 * (packed + blockRows * pitch));
  const maskRef = site.inputs[3]?.ref ?? null;
  const layouts = [queries, keys, values, output, mask];
  emit.call('attention_f32', {
    queries: inputOf(site, 0).ref,
    keys: inputOf(site, 1).ref,
    values: inputOf(site, 2).ref,
    mask: otherwise === null ? maskRef : null,
    kept: otherwise === null ? null : maskRef,
    output: outputOf(site).ref,
    work: emit.threadScratch(workBytes),
    item_table: emit.constant(`items ${JSON.stringify([batch, layouts])}`, () =>
      itemTable(batch, layouts),
    ),
    items: count(batch),
    rows,
    columns,
    depth,
    value_depth: valueDepth,
    query_stride: queries.strides.at(-2) as number,
    key_strides: keys.strides.slice(-2),
    value_strides: values.strides.slice(-2),
    output_stride: output.strides.at(-2) as number,
    mask_stride: mask?.strides.at(-2) ?? 0,
    pitch,
    block_rows: blockRows,
    work_bytes: workBytes,
    scale,
    otherwise: otherwise ?? 0,
  });
}

/** The lowering of BATCH_MATMUL, and that of attention where it is folded into one. */
export function withAttention(product: Lowering<'BATCH_MATMUL'>): Lowering<'BATCH_MATMUL'> {
  return {
    supports(site) {
      const { attention } = site.fused;
      if (attention === undefined) return product.supports(site);
      return attention.scale > 0 && attentionOf(site) !== null;
    },
    lower(site, emit) {
      if (site.fused.attention === undefined) return product.lower(site, emit);
      const problem = attentionOf(site);
      invariant(problem, 'Attention was lowered though it is not supported.');
      emitAttention(emit, site, problem);
    },
  };
}
