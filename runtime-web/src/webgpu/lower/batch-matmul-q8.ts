/** Products of 8-bit matrices that are both known only when the model runs. */
import {
  activationOf,
  activationRange,
  quantizedRange,
  type Range,
} from '../../lower/activation.js';
import { combinedScale } from '../../lower/fixed-point.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor } from '../../lower/quantization.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { roundFunction } from '../wgsl/bytes.js';
import { f32, i32, reads, u32 } from '../wgsl/kernel.js';
import { LANES, times } from '../wgsl/text.js';
import { emitNarrowed } from './narrow.js';
import { emitTiles, isWholeFours, type TiledProduct } from './tiles.js';

export interface ByteMatrices {
  readonly x: PerTensor;
  readonly w: PerTensor;
  readonly y: PerTensor;
  readonly right: Operand;
  readonly isTransposed: boolean;
  readonly range: Range;
}

/** The quantizations of a product of bytes to bytes; null for others. */
export function byteMatrices(site: LowerSite<'BATCH_MATMUL'>): ByteMatrices | null {
  const right = inputOf(site, 1);
  const [x, w, y] = [inputOf(site, 0), right, outputOf(site)].map(({ type }) => perTensor(type));
  const activation = activationRange(activationOf(site));
  if (!x || !w || !y || activation === null || outputOf(site).type.shape.includes(0)) return null;
  if ([x, w, y].some(({ dtype }) => dtype === 'int16')) return null;
  const range = quantizedRange(activation, y);
  return { x, w, y, right, isTransposed: site.options.adjY, range };
}

/**
 * Emits y = zero + round(scale * sum over k of (x[row, k] - x_zero) * (w[k, column] - w_zero)), half to even, as the
 * WASM kernels do. `start` is an expression for the first element of `item`'s matrix w, by `params.w_item`.
 */
export function emitByteMatrices(
  emit: Emitter,
  tiles: Omit<TiledProduct, 'arithmetic'>,
  { x, w, y, right, isTransposed, range }: ByteMatrices,
  start: string,
): void {
  const { rows, size } = tiles;
  const [columns, deep] = [size[1], rows.unit];
  const stride = isTransposed ? rows.depth : columns;
  const width = (isTransposed ? deep === 4 : columns % 4 === 0) ? 4 : 1;
  const columnsOf = (k: number) =>
    width === 4
      ? `w_load(w_at + ${k}u * params.w_stride)`
      : `vec4(${times(4, (j) => `w_load(w_at + ${k}u * params.w_stride + ${j}u)`).join(', ')})`;
  const rowsOfColumns = times(4, (j) => `let column${j} = w_load(w_at + ${j}u * params.w_stride);`);
  const lane = (j: number, k: number) => (width === 4 ? `column${j}.${LANES[k]}` : `column${j}`);
  const vectors = times(deep, (k) => {
    const vector = isTransposed ? `vec4(${times(4, (j) => lane(j, k)).join(', ')})` : columnsOf(k);
    return `let w${k} = ${vector} - params.w_zero;`;
  });
  emitNarrowed(emit, tiles.output, isWholeFours(tiles), (output) =>
    emitTiles(emit, {
      ...tiles,
      output,
      arithmetic: {
        bindings: { x: reads(rows.operand, deep), w: reads(right, width) },
        params: {
          w_item: u32(columns * rows.depth),
          w_stride: u32(stride / width),
          x_zero: i32(x.zero),
          w_zero: i32(w.zero),
          y_zero: i32(y.zero),
          scale: f32(combinedScale(x.scale, w.scale, y.scale)),
          low: f32(range.low - y.zero),
          high: f32(range.high - y.zero),
        },
        declarations: roundFunction(emit.traits),
        kind: 'int8',
        sum: 'vec4<i32>',
        step: 1,
        partial: null,
        row: (_, begin) => [`x_load(${begin} + k) - params.x_zero`],
        start: `var w_at = (${start}) / ${width}u + ${isTransposed ? '4u * four * params.w_stride' : `${4 / width}u * four`};`,
        weights: [...(isTransposed ? rowsOfColumns : []), ...vectors].join(' '),
        next: `w_at += ${isTransposed ? `${deep / width}u` : `${deep}u * params.w_stride`};`,
        add: (sum, [row]) =>
          times(deep, (k) => `${sum} += ${deep === 4 ? `${row}.${LANES[k]}` : row} * w${k};`).join(
            ' ',
          ),
        ready: '',
        result: (sum) =>
          `nearest(clamp(vec4<f32>(${sum}) * params.scale, vec4(params.low), vec4(params.high))) + params.y_zero`,
      },
    }),
  );
}
