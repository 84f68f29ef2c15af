/**
 * Attention as a product, a softmax and a product, which read and write heads where projections have them.
 * Source: Vaswani et al., 2017 (arXiv:1706.03762).
 */
import { ActivationFunctionType } from '@linnet/schema';
import { broadcast, count, merge, rowMajor, type Walk } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Fused, LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { LEAST_TRAITS } from '../traits.js';
import { array, f32, reads, u32 } from '../wgsl/kernel.js';
import { quadCode } from '../wgsl/quad.js';
import { walkCode } from '../wgsl/walk.js';
import { isFloat, matrixRows } from './product.js';
import type { Rows } from './tiles.js';
import { emitFloatTiles } from './tiles-f32.js';

type Attention = NonNullable<Fused['attention']>;

/** The matrices [..., rows, columns] of a tensor whose dimensions lie in another order. */
interface Matrices {
  readonly operand: Operand;
  /** Sizes and strides of all dimensions but the last two. */
  readonly batch: readonly number[];
  readonly batchStrides: readonly number[];
  readonly size: readonly [rows: number, columns: number];
  readonly strides: readonly [row: number, column: number];
}

function matricesOf(operand: Operand, axes: readonly number[]): Matrices {
  const { shape } = operand.type;
  const steps = rowMajor(shape);
  const [sizes, strides] = [shape, steps].map((of) => axes.map((axis) => of[axis] as number)) as [
    number[],
    number[],
  ];
  return {
    operand,
    batch: sizes.slice(0, -2),
    batchStrides: strides.slice(0, -2),
    size: sizes.slice(-2) as [number, number],
    strides: strides.slice(-2) as [number, number],
  };
}

interface Parts {
  readonly queries: Matrices;
  readonly keys: Matrices;
  readonly values: Matrices;
  readonly output: Matrices;
  readonly mask: Operand | null;
}

function partsOf(site: LowerSite<'BATCH_MATMUL'>, { axes }: Attention): Parts {
  const [queries, keys, values, output] = [
    inputOf(site, 0),
    inputOf(site, 1),
    inputOf(site, 2),
    outputOf(site),
  ].map((operand, at) => matricesOf(operand, axes[at] as readonly number[])) as [
    Matrices,
    Matrices,
    Matrices,
    Matrices,
  ];
  return { queries, keys, values, output, mask: site.inputs[3] ?? null };
}

/** Whether rows are whole vectors of four, one after the other, wherever they begin. */
function isInFours({ size, strides, batchStrides }: Matrices): boolean {
  const steps = [size[1], strides[0], ...batchStrides];
  return strides[1] === 1 && steps.every((step) => step % 4 === 0);
}

/** Where the matrices of each item begin in some tensors, by functions `NAME(item)`. */
function itemsCode(all: readonly Matrices[], names: readonly string[]) {
  const dims = (all.at(-1) as Matrices).batch;
  const strides = all.map(({ batch, batchStrides }) =>
    dims.map((_, axis) => {
      const at = axis - dims.length + batch.length;
      return at < 0 || batch[at] === 1 ? 0 : (batchStrides[at] as number);
    }),
  );
  const walk: Walk = merge({ dims, strides: [rowMajor(dims), ...strides] });
  return walkCode({ dims: walk.dims, strides: walk.strides.slice(1) }, names);
}

/** Rows of matrices that lie in one piece each. */
function rowsOf({ operand, size, strides }: Matrices, functions: string, params: Rows['params']) {
  return {
    operand,
    taps: 1,
    depth: size[1],
    unit: 4,
    canMiss: false,
    functions: `${functions}
fn row_at(item: u32, row: u32) -> vec3<i32> { return vec3(i32((x_item(item) + row * params.x_row) / 4u), 0, 0); }
fn run_at(row: vec3<i32>, item: u32, tap: u32) -> i32 { return row.x; }`,
    params: { x_row: u32(strides[0]), ...params },
  } as const satisfies Rows;
}

/** Invocations of a workgroup of four to a row. */
const INVOCATIONS = 64;

/** Emits the softmax of the rows of `scores` [items, rows, columns], scaled and masked, in their place. */
function emitSoftmax(
  emit: Emitter,
  scores: Operand,
  { queries, keys, output, mask }: Parts,
  { scale, otherwise }: Attention,
): void {
  const [rows, columns] = [queries.size[0], keys.size[0]];
  const shape = [...output.batch, rows, columns];
  const lines = count(shape) / columns;
  const isLast = (of: Operand) => of.type.shape.at(-1) === columns && columns > 1;
  // Where each row of the mask begins.
  const walk = mask && walkCode(maskWalk(shape, mask), ['mask_at']);
  const masked = otherwise === null ? 'v + m' : 'select(params.otherwise, v, m != 0)';
  const quad = quadCode(emit.traits, INVOCATIONS, 'f32');
  const loop = (body: string) =>
    `for (var k = lane & 3u; k < params.columns; k += 4u) { let at = begin + k; ${body} }`;
  emit.run({
    label: 'attention softmax',
    quads: quad.quads,
    bindings: {
      scores: array(scores.ref, 'f32', 'read_write'),
      ...(mask && { mask: reads(mask, 1) }),
    },
    params: {
      lines: u32(lines),
      columns: u32(columns),
      scale: f32(scale),
      ...(otherwise !== null && { otherwise: f32(otherwise) }),
      ...(mask && { mask_step: u32(isLast(mask) ? 1 : 0) }),
      ...walk?.params,
    },
    workgroup: [INVOCATIONS, 1, 1],
    grid: { invocations: 4 * lines },
    declarations: `${quad.declarations}
${walk?.functions ?? ''}
fn masked(v: f32, at: u32) -> f32 { ${mask ? `let m = mask_load(at); return ${masked};` : 'return v;'} }`,
    body: `
let line = index / 4u;
let own = min(line, params.lines - 1u);
let begin = own * params.columns;
let mask_begin = ${mask ? 'mask_at(own)' : '0u'};
let is_own = line < params.lines;
var most = -3.40282346e38;
${loop(`let v = masked(scores[at] * params.scale, mask_begin + k${mask ? ' * params.mask_step' : ''}); most = max(most, v); if (is_own) { scores[at] = v; }`)}
${quad.combine('most', (a, b) => `max(${a}, ${b})`)}
var sum = 0.0;
${loop('let e = exp(scores[at] - most); sum += e; if (is_own) { scores[at] = e; }')}
${quad.combine('sum', (a, b) => `${a} + ${b}`)}
if (!is_own) { return; }
${loop('scores[at] /= sum;')}`,
  });
}

/** From the number of a row of scores to where its mask begins. */
function maskWalk(shape: readonly number[], mask: Operand): Walk {
  const first = mask.type.shape.slice(0, -1);
  const walk = broadcast(shape.slice(0, -1), [first]);
  const width = mask.type.shape.at(-1) ?? 1;
  return { dims: walk.dims, strides: walk.strides.map((of) => of.map((step) => step * width)) };
}

/** What fusion has made of a BATCH_MATMUL. */
export const attention: Lowering<'BATCH_MATMUL'> = {
  supports(site) {
    const { attention: fused } = site.fused;
    if (fused === undefined) return false;
    const { queries, keys, values, output, mask } = partsOf(site, fused);
    const isMask =
      mask === null || mask.type.dtype === (fused.otherwise === null ? 'float32' : 'bool');
    return (
      isFloat({ inputs: site.inputs.slice(0, 3), outputs: site.outputs }) &&
      isMask &&
      !mask?.type.shape.includes(0) &&
      4 * count(output.batch) * queries.size[0] * keys.size[0] <= LEAST_TRAITS.maxBindingBytes &&
      [queries, keys, values, output].every(isInFours)
    );
  },
  lower(site, emit) {
    const fused = site.fused.attention as Attention;
    const parts = partsOf(site, fused);
    const { queries, keys, values, output } = parts;
    const items = count(output.batch);
    const [rows, columns] = [queries.size[0], keys.size[0]];
    const shape = [items * rows, columns];
    const scores: Operand = {
      type: { dtype: 'float32', shape },
      ref: emit.scratch(4 * count(shape)),
      value: undefined,
    };
    const activation = ActivationFunctionType.NONE;
    const asked = itemsCode([queries, keys, output], ['x_item', 'w_item', 'y_item']);
    emitFloatTiles(emit, {
      label: 'attention scores',
      items,
      size: [rows, columns],
      rows: rowsOf(queries, asked.functions, asked.params),
      weights: {
        bindings: (width) => ({ w: reads(keys.operand, width) }),
        strides: [1, keys.strides[0]],
        start: 'w_item(item)',
        params: {},
      },
      bias: null,
      activation,
      output: scores,
      outputStrides: [rows * columns, columns],
    });
    emitSoftmax(emit, scores, parts, fused);
    const taken = itemsCode([values, output], ['w_item', 'y_item_at']);
    emitFloatTiles(emit, {
      label: 'attention',
      items,
      size: [rows, values.size[1]],
      rows: matrixRows(scores, columns, {
        item: 'item * params.rows',
        functions: taken.functions,
        params: taken.params,
      }),
      weights: {
        bindings: (width) => ({ w: reads(values.operand, width) }),
        strides: [values.strides[0], 1],
        start: 'w_item(item)',
        params: {},
      },
      bias: null,
      activation,
      output: output.operand,
      outputStart: 'y_item_at(item)',
      outputStrides: [0, output.strides[0]],
    });
  },
};
