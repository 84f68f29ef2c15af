/**
 * Convolutions by 3 x 3 windows of stride 1 in fewer multiplications: Winograd's minimal filtering.
 *
 * A tile of side x side outputs takes (side + 2)^2 products for each pair of channels instead of
 * 9 side^2, which are matrix products of all tiles. Rounding errors stay those of plain float32 sums:
 * the transforms add some, but sums are 9 times shorter. On random numbers the root of the mean square
 * error is a third of the plain one's for tiles of 2 x 2; for 4 x 4 it is 1.0 to 1.2 times that from 32
 * channels on, 1.4 times for 16. A NaN or an infinity in the input makes NaNs of all outputs of the tiles
 * that see it.
 */
import type { Product } from '../../lower/numerics.js';
import type { Axis } from '../../lower/window.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { constantElements, itemSizeF32, type Matrices, packWinograd } from './packing.js';
import { areLarge, isSmall, type Problem, tilesOfBlock } from './problem.js';
import { emitProductF32, TILE_ROWS } from './product-f32.js';

/** Outputs of a tile's side. */
type Side = 2 | 4;

const SIDES = { '2x2 tiles': 2, '4x4 tiles': 4 } as const;

/** How a convolution is computed. */
type Way = 'direct' | keyof typeof SIDES;

interface Geometry {
  readonly images: number;
  readonly channels: number;
  readonly columns: number;
  readonly rows: Axis;
  readonly cols: Axis;
}

/** Costs in multiply-adds: of a value of a tile on its way, and of a weight from memory. */
const VALUE_COST = 4;
const WEIGHT_COST = 11;

/** What else may come with it, memory for one, has to be paid by this much less work. */
const LEAST_GAIN = 1.3;

const points = (side: Side) => (side + 2) ** 2;

const tilesOf = ({ images, rows, cols }: Geometry, side: Side) =>
  images * Math.ceil(rows.output / side) * Math.ceil(cols.output / side);

/** Each block of patches takes all weights through the cache, where they do not stay there. */
function plainCost({ images, channels, columns, rows, cols }: Geometry): number {
  const outputs = images * rows.output * cols.output;
  const patchBytes = 9 * 4 * channels;
  const block = TILE_ROWS * tilesOfBlock(patchBytes, columns, true, TILE_ROWS);
  const blocks = areLarge(patchBytes, columns) ? Math.ceil(outputs / block) : 1;
  return 9 * channels * columns * (outputs + WEIGHT_COST * blocks);
}

function tiledCost(geometry: Geometry, side: Side): number {
  const { channels, columns } = geometry;
  const tiles = tilesOf(geometry, side);
  const values = tiles * (channels + columns) * VALUE_COST;
  return points(side) * (channels * columns * (tiles + WEIGHT_COST) + values);
}

/** The way that pays most, though larger tiles only by much. */
function cheapest(geometry: Geometry, ways: readonly Way[]): Way {
  let best: { readonly way: Way; readonly cost: number } = {
    way: 'direct',
    cost: plainCost(geometry),
  };
  for (const way of ways) {
    if (way === 'direct') continue;
    const cost = tiledCost(geometry, SIDES[way]);
    if (cost * LEAST_GAIN < best.cost) best = { way, cost };
  }
  return best.way;
}

/** Tiles are worked on in strips, whose values should stay in a cache. */
const STRIP_BYTES = 2 ** 20;

/** Tiles of a strip come in multiples of the rows of conv_f32's tiles, where there are as many. */
const STRIP_GRAIN = 6;

/** Values of a point are padded by this many floats, so that points do not meet in a cache's set. */
const ITEM_PADDING = 16;

function stripTiles(tiles: number, bytesOfTile: number): number {
  const most = Math.max(1, Math.floor(STRIP_BYTES / bytesOfTile));
  const strips = Math.ceil(tiles / most);
  return Math.ceil(tiles / strips / STRIP_GRAIN) * STRIP_GRAIN;
}

/** How the tiles of a convolution are worked on. */
function stripsOf(geometry: Geometry, side: Side) {
  const { channels, columns } = geometry;
  const tiles = tilesOf(geometry, side);
  const strip = Math.min(stripTiles(tiles, 4 * points(side) * (channels + columns)), tiles);
  return {
    tiles,
    strip,
    inputSize: strip * channels + ITEM_PADDING,
    outputSize: strip * columns + ITEM_PADDING,
    matrices: pointMatrices(side, channels, columns),
  };
}

function fits(geometry: Geometry, side: Side): boolean {
  const { tiles, strip, inputSize, outputSize, matrices } = stripsOf(geometry, side);
  const isEmpty = tiles * geometry.channels * geometry.columns === 0;
  return !isEmpty && isSmall(stripProblem(matrices, strip, inputSize, outputSize));
}

/**
 * Emits a convolution as products of tiles, where it is one and that pays: false, with nothing
 * emitted, where not. `pitch` is as in Fused.
 */
export function emitWinograd(
  emit: Emitter,
  product: Product,
  [rows, cols]: readonly [Axis, Axis],
  pitch = product.output.type.shape[3] as number,
): boolean {
  const [images, , , channels] = product.input.type.shape as [number, number, number, number];
  const [columns, , , depth] = product.weights.type.shape as [number, number, number, number];
  const constants = constantElements(product.weights, product.bias);
  const isPlain = [rows, cols].every(
    ({ window, stride, dilation }) => window === 3 && stride === 1 && dilation === 1,
  );
  if (constants === null || !isPlain || depth !== channels) return false;
  const geometry = { images, channels, columns, rows, cols };
  const candidates: readonly Way[] = [
    'direct',
    ...(['2x2 tiles', '4x4 tiles'] as const).filter((way) => fits(geometry, SIDES[way])),
  ];
  const preferred = cheapest(geometry, candidates);
  const way = emit.choose({ decision: 'minimal filtering', candidates, preferred });
  if (way === 'direct') return false;

  const side = SIDES[way];
  const { tiles, strip, inputSize, outputSize, matrices } = stripsOf(geometry, side);
  const weights = packWinograd(emit, `winograd ${side}`, constants.weights, side, matrices);
  const values = emit.scratch(4 * points(side) * inputSize);
  const products = emit.scratch(4 * points(side) * outputSize);
  for (let first = 0; first < tiles; first += strip) {
    const count = Math.min(strip, tiles - first);
    const range = {
      side,
      tiles_h: Math.ceil(rows.output / side),
      tiles_w: Math.ceil(cols.output / side),
      first_tile: first,
      tiles: count,
    };
    emit.call('winograd_input_f32', {
      ...range,
      input: product.input.ref,
      output: values,
      item_size: inputSize,
      in_h: rows.input,
      in_w: cols.input,
      channels,
      pad_top: rows.before,
      pad_left: cols.before,
    });
    emitPoints(
      emit,
      values,
      weights,
      products,
      stripProblem(matrices, count, inputSize, outputSize),
    );
    emit.call('winograd_output_f32', {
      ...range,
      ...product.activation,
      input: products,
      output: product.output.ref,
      bias: product.bias?.ref ?? null,
      item_size: outputSize,
      out_h: rows.output,
      out_w: cols.output,
      columns,
      pitch,
    });
  }
  return true;
}

function pointMatrices(side: Side, channels: number, columns: number): Matrices {
  return {
    items: points(side),
    depth: channels,
    columns,
    itemStride: channels * columns,
    depthStride: columns,
    columnStride: 1,
    biasStride: 0,
  };
}

/** The products of a strip: an item for each point, a row for each tile. */
function stripProblem(
  matrices: Matrices,
  tiles: number,
  inputSize: number,
  outputSize: number,
): Problem {
  const { items, depth, columns } = matrices;
  return {
    items: Array.from({ length: items }, (_, point) => ({
      input: point * inputSize,
      matrix: point,
      output: point * outputSize,
    })),
    runs: [[0, 0, 0, 1]],
    inSize: [1, 1, 1],
    inPixel: depth,
    channels: depth,
    grid: [tiles, 1, 1, 1],
    strides: [1, 1, 1],
    outStart: 0,
    outStrides: [columns, 0, 0, 0],
    matrices,
  };
}

const UNBOUNDED = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

function emitPoints(
  emit: Emitter,
  input: BufferRef,
  weights: BufferRef,
  output: BufferRef,
  problem: Problem,
): void {
  const sizes = problem.items.slice(0, 2).map((item) => [item.input, item.output]);
  const key = `winograd ${problem.items.length} ${sizes} ${itemSizeF32(problem.matrices)}`;
  emitProductF32(emit, { input, weights, output }, problem, UNBOUNDED, key);
}
