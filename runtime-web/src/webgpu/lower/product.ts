/** Matrix products of float32. */
import { FullyConnectedOptionsWeightsFormat, type OpName } from '@linnet/schema';
import { activationOf, activationRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import type { Product } from '../../lower/numerics.js';
import { type AnySite, inputOf, outputOf } from '../../lower/operands.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitDots, type VectorProduct } from './dots.js';
import type { IntegerShaders } from './integers.js';
import type { Rows, TiledProduct } from './tiles.js';
import { emitFloatTiles } from './tiles-f32.js';
import { blocksOf, transposed, transposedBlocks } from './weights.js';

export type Shape4 = readonly [number, number, number, number];

/** Whether everything is float32 and there is something to compute. */
export function isFloat(site: AnySite): boolean {
  return [...site.inputs, ...site.outputs].every(
    (operand) =>
      operand === null || (operand.type.dtype === 'float32' && !operand.type.shape.includes(0)),
  );
}

/** Rows of `taps` times `depth` elements that follow each other; `item` is an expression for an item's first row. */
export function matrixRows(
  operand: Operand,
  depth: number,
  { item = '0u', taps = 1, ...rows }: Partial<Rows> & { readonly item?: string } = {},
): Rows {
  return {
    operand,
    taps,
    depth,
    unit: depth % 4 === 0 ? 4 : 1,
    canMiss: false,
    functions: `${rows.functions ?? ''}
fn row_at(item: u32, row: u32) -> vec3<i32> { return vec3(i32((${item} + row) * params.taps * params.depth), 0, 0); }
fn run_at(row: vec3<i32>, item: u32, tap: u32) -> i32 { return row.x + i32(tap * params.depth); }`,
    params: rows.params ?? {},
  };
}

/** What numericsOf asks of a convolution or product with weights [columns, ...]. */
export function productOf(site: LowerSite<'CONV_2D' | 'FULLY_CONNECTED'>): Product | null {
  const activation = activationRange(activationOf(site));
  if (activation === null) return null;
  const [images] = inputOf(site, 0).type.shape as readonly [number];
  const rows = count(outputOf(site).type.shape) / (inputOf(site, 1).type.shape[0] as number);
  return {
    input: inputOf(site, 0),
    weights: inputOf(site, 1),
    bias: site.inputs[2] ?? null,
    output: outputOf(site),
    activation,
    channelAxis: 0,
    units: site.op === 'CONV_2D' ? images : rows,
  };
}

/** Emits the product of rows of whole inputs by weights [units, depth]. */
export function emitFloatRows(
  emit: Emitter,
  tiles: Omit<TiledProduct, 'arithmetic'>,
  product: VectorProduct,
): void {
  const { input, weights, bias, activation } = product;
  const [rows, units] = tiles.size;
  if (rows === 1) {
    emitDots(emit, product);
    return;
  }
  const depth = count(weights.type.shape) / units;
  const blocks = blocksOf(weights);
  emitFloatTiles(emit, {
    ...tiles,
    ...(blocks !== null && {
      rows: matrixRows(input, blocks.size, { taps: depth / blocks.size }),
    }),
    weights:
      blocks === null
        ? transposed(emit, weights, 1, units, depth)
        : transposedBlocks(emit, blocks, units, depth),
    bias,
    activation,
  });
}

/** Input [..., depth] as rows, weights [units, depth]. */
const fullyConnected = (integers: IntegerShaders | null): Lowering<'FULLY_CONNECTED'> => ({
  supports: (site) =>
    site.options.weightsFormat === FullyConnectedOptionsWeightsFormat.DEFAULT &&
    (isFloat(site) || integers?.product(productOf(site), 1) != null),
  lower(site, emit) {
    const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const [units, depth] = weights.type.shape as readonly [number, number];
    const rows = count(output.type.shape) / units;
    const tiles = {
      label: 'FULLY_CONNECTED',
      items: 1,
      size: [rows, units],
      rows: matrixRows(input, depth),
      output,
      outputStrides: [0, units],
    } as const;
    const bytes = integers?.product(productOf(site), 1);
    if (bytes) return integers?.emitTiles(emit, tiles, bytes);
    emitFloatRows(emit, tiles, {
      label: 'FULLY_CONNECTED',
      input,
      weights,
      bias: site.inputs[2] ?? null,
      activation: activationOf(site),
      output,
    });
  },
});

export const productLowerings = (integers: IntegerShaders | null) =>
  ({
    FULLY_CONNECTED: fullyConnected(integers),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
