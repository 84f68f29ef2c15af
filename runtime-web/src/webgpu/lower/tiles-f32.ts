/** Tiles of products of float32. */
import type { ActivationFunctionType } from '@linnet/schema';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { reads, u32 } from '../wgsl/kernel.js';
import type { Width } from '../wgsl/storage.js';
import { LANES, times } from '../wgsl/text.js';
import { emitTiles, isWholeFours, type TileArithmetic, type TiledProduct } from './tiles.js';
import type { Weights } from './weights.js';

export interface FloatProduct extends Omit<TiledProduct, 'arithmetic'> {
  readonly weights: Weights;
  /** One element for each column of each item. */
  readonly bias: Operand | null;
  readonly activation: ActivationFunctionType;
}

const vector = (of: (j: number) => string) => `vec4<f32>(${times(4, of).join(', ')})`;

/** Emits y[row, column] = activate(sum over k of x[row, k] * w[k, column] + bias[column]) for each item. */
export function emitFloatTiles(emit: Emitter, product: FloatProduct): void {
  emitTiles(emit, { ...product, arithmetic: floatArithmetic(product) });
}

function floatArithmetic(product: FloatProduct): TileArithmetic {
  const { rows, weights, bias, activation } = product;
  const biasFours = isWholeFours(product) || product.items === 1;
  const isVector = rows.unit === 4;
  // Depths, which are units unless those are vectors.
  const deep = isVector ? 4 : rows.depth <= 4 ? rows.depth : 1;
  const [depthStride, columnStride] = weights.strides;
  const isDeep = depthStride === 1 && columnStride !== 1;
  const stride = isDeep ? columnStride : depthStride;
  const width = stride % 4 === 0 && (!isDeep || isVector) ? 4 : 1;
  const zero = isVector ? 'vec4<f32>()' : '0.0';
  const orZero = (run: string, load: string) =>
    rows.canMiss ? `select(${zero}, ${load}, ${run} >= 0)` : load;
  const biasVector = biasFours
    ? 'bias_load((item * params.columns) / 4u + four)'
    : vector((j) => `bias_load(item * params.columns + 4u * four + ${j}u)`);
  return {
    bindings: {
      x: reads(rows.operand, rows.unit),
      ...weights.bindings(width),
      ...(bias === null ? {} : { bias: reads(bias, biasFours ? 4 : 1) }),
    },
    params: { w_stride: u32(stride / width), ...weights.params },
    declarations: activationFunction(activation, 'vec4<f32>'),
    kind: 'float32',
    sum: 'vec4<f32>',
    step: deep / rows.unit,
    row: (run, begin) =>
      isVector
        ? [orZero(run, `x_load(${begin} + k)`)]
        : times(deep, (k) => orZero(run, `x_load(${begin} + k + ${k}u)`)),
    start: `var w_at = (${weights.start}) / ${width}u + ${isDeep ? '4u * four * params.w_stride' : `${4 / width}u * four`};`,
    ...(weights.run !== undefined && { run: weights.run }),
    weights: weightLoads(deep, isDeep, width, weights.real),
    next: `w_at += ${isDeep ? `${deep / width}u` : `${deep}u * params.w_stride`};`,
    add: (sum, row) => {
      const factors = isVector ? LANES.map((lane) => `${row[0]}.${lane}`) : row;
      return factors.map((factor, k) => `${sum} += ${factor} * w${k};`).join(' ');
    },
    ready: `let b = ${bias === null ? 'vec4<f32>()' : biasVector};`,
    result: (sum) => `activate(${sum} + b)`,
  };
}

/** The weights of four columns as a vector for each of some depths. */
function weightLoads(
  deep: number,
  isDeep: boolean,
  width: Width,
  real: Weights['real'] = (load) => load,
): string {
  const load = (k: number, j: number) =>
    isDeep
      ? `w_load(w_at + ${j}u * params.w_stride + ${k}u)`
      : `w_load(w_at + ${k}u * params.w_stride + ${j}u)`;
  const reals = (k: number, of: string) => `let w${k} = ${real(`vec4<f32>(${of})`)};`;
  if (width === 1) {
    const all = (k: number) => times(4, (j) => `f32(${load(k, j)})`).join(', ');
    return times(deep, (k) => reals(k, all(k))).join('\n    ');
  }
  if (!isDeep) return times(deep, (k) => reals(k, load(k, 0))).join('\n    ');
  const lanes = (k: number) => times(4, (j) => `f32(column${j}.${LANES[k]})`).join(', ');
  return [
    ...times(4, (j) => `let column${j} = ${load(0, j)};`),
    ...times(deep, (k) => reals(k, lanes(k))),
  ].join('\n    ');
}
