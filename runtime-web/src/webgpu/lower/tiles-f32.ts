/** Tiles of products of float32, and of float16 in between. */
import type { ActivationFunctionType } from '@linnet/schema';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { f32, reads, u32 } from '../wgsl/kernel.js';
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

/**
 * So many products are added up in float16 before they join sums of float32: weights are at most 1 there, so that none
 * overflows as long as no element's magnitude is above MOST_HALF, and few are enough for small errors.
 */
const HALF_DEPTHS = 32;
const MOST_HALF = 65504 / HALF_DEPTHS;

/** Emits y[row, column] = activate(sum over k of x[row, k] * w[k, column] + bias[column]) for each item. */
export function emitFloatTiles(emit: Emitter, product: FloatProduct): void {
  emitTiles(emit, { ...product, arithmetic: floatArithmetic(product) });
}

function floatArithmetic(product: FloatProduct): TileArithmetic {
  const { rows, weights, bias, activation } = product;
  const biasFours = isWholeFours(product) || product.items === 1;
  const isVector = rows.unit === 4;
  const { halfScale } = weights;
  const isHalf = halfScale !== undefined;
  const element = isHalf ? 'f16' : 'f32';
  const loaded = isVector ? 'vec4<f32>' : 'f32';
  // Depths, which are units unless those are vectors.
  const deep = isVector ? 4 : rows.depth <= 4 ? rows.depth : 1;
  const [depthStride, columnStride] = weights.strides;
  const isDeep = depthStride === 1 && columnStride !== 1;
  const stride = isDeep ? columnStride : depthStride;
  const width = stride % 4 === 0 && (!isDeep || isVector) ? 4 : 1;
  const zero = isVector ? 'vec4<f32>()' : '0.0';
  const orZero = (run: string, load: string) => {
    const real = rows.canMiss ? `select(${zero}, ${load}, ${run} >= 0)` : load;
    return isHalf ? `half(${real})` : real;
  };
  const biasVector = biasFours
    ? 'bias_load((item * params.columns) / 4u + four)'
    : vector((j) => `bias_load(item * params.columns + 4u * four + ${j}u)`);
  return {
    bindings: {
      x: reads(rows.operand, rows.unit),
      ...weights.bindings(width),
      ...(bias === null ? {} : { bias: reads(bias, biasFours ? 4 : 1) }),
    },
    params: {
      w_stride: u32(stride / width),
      ...(isHalf && { w_scale: f32(halfScale) }),
      ...weights.params,
    },
    declarations: `${activationFunction(activation, 'vec4<f32>')}${isHalf ? halfFunction(loaded) : ''}`,
    kind: 'float32',
    sum: 'vec4<f32>',
    step: deep / rows.unit,
    partial: isHalf ? { type: 'vec4<f16>', depth: HALF_DEPTHS / rows.unit } : null,
    row: (run, begin) =>
      isVector
        ? [orZero(run, `x_load(${begin} + k)`)]
        : times(deep, (k) => orZero(run, `x_load(${begin} + k + ${k}u)`)),
    start: `var w_at = (${weights.start}) / ${width}u + ${isDeep ? '4u * four * params.w_stride' : `${4 / width}u * four`};`,
    ...(weights.run !== undefined && { run: weights.run }),
    weights: weightLoads(deep, isDeep, width, element, weights.real),
    next: `w_at += ${isDeep ? `${deep / width}u` : `${deep}u * params.w_stride`};`,
    add: (sum, row) => {
      const factors = isVector ? LANES.map((lane) => `${row[0]}.${lane}`) : row;
      return factors.map((factor, k) => `${sum} += ${factor} * w${k};`).join(' ');
    },
    ready: `let b = ${bias === null ? 'vec4<f32>()' : biasVector};${isHalf ? halfCheck(isVector) : ''}`,
    ...(isHalf && { faults: 'range' }),
    result: (sum) => `activate(${sum}${isHalf ? ' * params.w_scale' : ''} + b)`,
  };
}

/** To float16, with the largest magnitude kept: what is beyond float16's is not defined. */
function halfFunction(type: 'f32' | 'vec4<f32>'): string {
  const half = type.replace('f32', 'f16');
  return `
var<private> most: ${type};
fn half(v: ${type}) -> ${half} { most = max(most, abs(v)); return ${half}(v); }`;
}

function halfCheck(isVector: boolean): string {
  const most = isVector ? 'max(max(most.x, most.y), max(most.z, most.w))' : 'most';
  return `
let largest = ${most};
if (largest > ${MOST_HALF}.0) { fault(vec2(bitcast<u32>(largest), 0u), ${MOST_HALF}u); }`;
}

/** The weights of four columns as a vector for each of some depths. */
function weightLoads(
  deep: number,
  isDeep: boolean,
  width: Width,
  element: 'f32' | 'f16',
  real: Weights['real'] = (load) => load,
): string {
  const type = `vec4<${element}>`;
  const load = (k: number, j: number) =>
    isDeep
      ? `w_load(w_at + ${j}u * params.w_stride + ${k}u)`
      : `w_load(w_at + ${k}u * params.w_stride + ${j}u)`;
  const reals = (k: number, of: string) => `let w${k} = ${real(`${type}(${of})`)};`;
  if (width === 1) {
    const all = (k: number) => times(4, (j) => `${element}(${load(k, j)})`).join(', ');
    return times(deep, (k) => reals(k, all(k))).join('\n    ');
  }
  if (!isDeep) return times(deep, (k) => reals(k, load(k, 0))).join('\n    ');
  const lanes = (k: number) => times(4, (j) => `${element}(column${j}.${LANES[k]})`).join(', ');
  return [
    ...times(4, (j) => `let column${j} = ${load(0, j)};`),
    ...times(deep, (k) => reals(k, lanes(k))),
  ].join('\n    ');
}
