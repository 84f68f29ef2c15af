/** Products of matrices and convolutions of float32 as tiles of the output that stay in registers. */
import type { ActivationFunctionType } from '@linnet/schema';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { type Binding, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import type { Width } from '../wgsl/storage.js';
import { LANES, times } from '../wgsl/text.js';

/**
 * Where the elements of input rows lie: a row is made of `taps` runs of `depth` elements, each in one
 * piece. `functions` defines
 *
 *     fn row_at(item: u32, row: u32) -> vec3<i32>             what the runs of a row have in common
 *     fn run_at(row: vec3<i32>, item: u32, tap: u32) -> i32   a run's first element; -1: all are zero
 */
export interface Rows {
  readonly operand: Operand;
  readonly taps: number;
  readonly depth: number;
  /** Whether runs begin at multiples of four elements. */
  readonly isAligned: boolean;
  /** Whether there are runs of zeros. */
  readonly canMiss: boolean;
  readonly functions: string;
  readonly params: Readonly<Record<string, Param>>;
}

/** The matrices [taps * depth, columns] that rows are multiplied with. */
export interface Weights {
  binding(width: Width): Binding;
  /** Elements between neighbours in the depth and between columns; one of the two is 1. */
  readonly strides: readonly [depth: number, column: number];
  /** An expression for the first element of `item`'s matrix. */
  readonly start: string;
  readonly params: Readonly<Record<string, Param>>;
}

export interface TiledProduct {
  readonly label: string;
  /** Products of one size, side by side. */
  readonly items: number;
  readonly size: readonly [rows: number, columns: number];
  readonly rows: Rows;
  readonly weights: Weights;
  /** One element for each column of each item. */
  readonly bias: Operand | null;
  readonly activation: ActivationFunctionType;
  readonly output: Operand;
  /** From the first element of an item or of a row to the next's in the output. */
  readonly outputStrides: readonly [item: number, row: number];
}

/** Invocations of a workgroup. */
const INVOCATIONS = 64;

interface Tile {
  /** Rows of an invocation's tile, which is four columns wide. */
  readonly height: number;
  /** Tiles side by side in a workgroup; all others lie below. */
  readonly across: number;
}

/**
 * The tiles that compute least beyond the output's edges. What is loaded for a tile's columns costs
 * about as much as two of its rows.
 */
function tileOf([rows, columns]: TiledProduct['size']): Tile {
  const tiles = [8, 4].flatMap((height) => [16, 8, 4].map((across) => ({ height, across })));
  const cost = ({ height, across }: Tile) =>
    Math.ceil(columns / 4 / across) *
    Math.ceil((rows * across) / height / INVOCATIONS) *
    (height + 2);
  return tiles.reduce((best, tile) => (cost(tile) < cost(best) ? tile : best));
}

/**
 * Emits y[row, column] = activate(sum over k of x[row, k] * w[k, column] + bias[column]) for each item.
 *
 * Neighbouring invocations have the same rows and neighbouring columns. Where the device has subgroups,
 * the four of a quad load a quarter of their rows' elements each and pass them round: loads are what
 * limits the kernel, and workgroup memory would take a barrier at each step.
 */
export function emitTiles(emit: Emitter, product: TiledProduct): void {
  const { label, items, size, rows, weights, bias, activation, output, outputStrides } = product;
  const { height, across } = tileOf(size);
  const quads = emit.traits.hasSubgroups;
  const isVector = rows.isAligned && rows.depth % 4 === 0;
  const access: Access = {
    height,
    quads,
    // Depths of a step of the innermost loop.
    step: isVector ? 4 : rows.depth <= 4 ? rows.depth : 1,
    isVector,
    canMiss: rows.canMiss,
  };
  const [depthStride, columnStride] = weights.strides;
  const isDeep = depthStride === 1 && columnStride !== 1;
  const stride = isDeep ? columnStride : depthStride;
  const weightWidth = stride % 4 === 0 && (!isDeep || isVector) ? 4 : 1;
  const isWhole = [size[1], ...outputStrides].every((extent) => extent % 4 === 0);
  const outputWidth = isWhole ? 4 : 1;
  const biasWidth = isWhole || items === 1 ? 4 : 1;
  const biasVector =
    biasWidth === 4
      ? 'bias_load((item * params.columns + edge) / 4u)'
      : `vec4<f32>(${times(4, (j) => `bias_load(item * params.columns + edge + ${j}u)`).join(', ')})`;
  emit.run({
    label,
    quads,
    bindings: {
      x: reads(rows.operand, isVector ? 4 : 1),
      w: weights.binding(weightWidth),
      ...(bias === null ? {} : { bias: reads(bias, biasWidth) }),
      y: writes(output, outputWidth),
    },
    params: {
      rows: u32(size[0]),
      columns: u32(size[1]),
      depth: u32(rows.depth),
      taps: u32(rows.taps),
      w_stride: u32(stride),
      y_item: u32(outputStrides[0]),
      y_row: u32(outputStrides[1]),
      ...rows.params,
      ...weights.params,
    },
    workgroup: [INVOCATIONS, 1, 1],
    grid: {
      workgroups: [
        Math.ceil(size[1] / 4 / across),
        Math.ceil((size[0] * across) / height / INVOCATIONS),
        items,
      ],
    },
    multiplyAdds: items * size[0] * size[1] * rows.depth * rows.taps,
    declarations: `${rows.functions}\n${activationFunction(activation, 'vec4<f32>')}`,
    body: `
let column = 4u * (group.x * ${across}u + lane % ${across}u);
let row = ${height}u * (group.y * ${INVOCATIONS / across}u + lane / ${across}u);
let item = group.z;
// Beyond the edges the last row and columns are computed once more, so that quads stay together.
let edge = min(column, (params.columns - 1u) / 4u * 4u);
let w_start = ${weights.start};
${rowStarts(access)}
${times(height, (m) => `var s${m} = vec4<f32>(0.0);`).join('\n')}
for (var tap = 0u; tap < params.taps; tap++) {
  ${runStarts(access)}
  for (var k = 0u; k < params.depth; k += ${access.step}u) {
    let deep = tap * params.depth + k;
    ${weightLoads(access.step, isDeep, weightWidth)}
    ${rowLoads(access)}
    ${times(height, (m) => rowProducts(access, m)).join('\n    ')}
  }
}
if (column >= params.columns) { return; }
let b = ${bias === null ? 'vec4<f32>(0.0)' : biasVector};
${times(height, (m) => rowStore(m, outputWidth)).join('\n')}`,
  });
}

/** How a tile gets at its rows. */
interface Access {
  readonly height: number;
  readonly quads: boolean;
  readonly step: number;
  /** Whether a step's elements of a row are loaded as a vector of four. */
  readonly isVector: boolean;
  /** Whether runs may be zeros. */
  readonly canMiss: boolean;
}

/** The rows that one invocation loads, and the number of each within the tile. */
function loadedRows({ height, quads }: Access): readonly string[] {
  return quads
    ? times(height / 4, (at) => `${4 * at}u + quad_lane`)
    : times(height, (at) => `${at}u`);
}

function rowStarts(access: Access): string {
  return loadedRows(access)
    .map((number, at) => `let row${at} = row_at(item, min(row + ${number}, params.rows - 1u));`)
    .join('\n');
}

function runStarts(access: Access): string {
  return loadedRows(access)
    .map(
      (_, at) =>
        `let run${at} = run_at(row${at}, item, tap); let begin${at} = u32(max(run${at}, 0));`,
    )
    .join('\n  ');
}

/** Names for what a row has at each depth of a step: of what was loaded, or passed round. */
function elements({ isVector, step }: Access, name: string): readonly string[] {
  return times(step, (k) => (isVector ? `${name}.${LANES[k]}` : `${name}_${k}`));
}

function rowLoads(access: Access): string {
  const { isVector, step, canMiss } = access;
  const element = (at: number, index: string) => {
    const load = `x_load(${index})`;
    const zero = isVector ? 'vec4<f32>(0.0)' : '0.0';
    return canMiss ? `select(${zero}, ${load}, run${at} >= 0)` : load;
  };
  return loadedRows(access)
    .flatMap((_, at) =>
      isVector
        ? [`let x${at} = ${element(at, `(begin${at} + k) / 4u`)};`]
        : times(step, (k) => `let x${at}_${k} = ${element(at, `begin${at} + k + ${k}u`)};`),
    )
    .join('\n    ');
}

/** The weights of four columns as a vector for each depth of a step. */
function weightLoads(step: number, isDeep: boolean, width: Width): string {
  const vector = (of: (j: number) => string) => `vec4<f32>(${times(4, of).join(', ')})`;
  const at = (k: number, j: number) =>
    isDeep
      ? `w_start + (edge + ${j}u) * params.w_stride + deep + ${k}u`
      : `w_start + (deep + ${k}u) * params.w_stride + edge + ${j}u`;
  if (width === 1) {
    return times(step, (k) => `let w${k} = ${vector((j) => `w_load(${at(k, j)})`)};`).join(
      '\n    ',
    );
  }
  if (!isDeep) {
    return times(step, (k) => `let w${k} = w_load((${at(k, 0)}) / 4u);`).join('\n    ');
  }
  return [
    ...times(4, (j) => `let column${j} = w_load((${at(0, j)}) / 4u);`),
    ...times(step, (k) => `let w${k} = ${vector((j) => `column${j}.${LANES[k]}`)};`),
  ].join('\n    ');
}

function rowProducts(access: Access, m: number): string {
  const { quads, isVector } = access;
  const loaded = quads ? `x${Math.floor(m / 4)}` : `x${m}`;
  const passed = (name: string) => `quadBroadcast(${name}, ${m % 4}u)`;
  const names = quads && isVector ? [loaded] : elements(access, loaded);
  const lets = quads
    ? names.map((name, k) => `let a${m}${isVector ? '' : `_${k}`} = ${passed(name)};`)
    : [];
  const factors = elements(access, quads ? `a${m}` : loaded);
  return [...lets, ...factors.map((factor, k) => `s${m} += ${factor} * w${k};`)].join(' ');
}

function rowStore(m: number, width: Width): string {
  const store =
    width === 4
      ? 'y_store(to / 4u, v);'
      : LANES.map(
          (lane, j) => `if (column + ${j}u < params.columns) { y_store(to + ${j}u, v.${lane}); }`,
        ).join(' ');
  return `if (row + ${m}u < params.rows) { let to = item * params.y_item + (row + ${m}u) * params.y_row + column; let v = activate(s${m} + b); ${store} }`;
}
