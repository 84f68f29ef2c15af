/**
 * A 1x1 convolution and the depthwise convolution that reads it, some rows at a time: what the first
 * makes is read while it is in a cache, and takes no more memory than these rows.
 */
import { activationOf, activationRange, type Range } from '../../lower/activation.js';
import { isFloatProduct, type Product } from '../../lower/numerics.js';
import { outputOf } from '../../lower/operands.js';
import { type Axis, imageAxes } from '../../lower/window.js';
import { storageBytes } from '../../model/storage.js';
import type { Decision } from '../../plan/choice.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { emitDepthwiseF32 } from './depthwise-f32.js';
import { advance, emitCopy } from './dims.js';
import type { Extras } from './extras.js';
import { constantElements, rowsOf } from './packing.js';
import { isSmall, rowsProblem } from './problem.js';
import { emitProduct } from './product.js';

type Depthwise = LowerSite<'DEPTHWISE_CONV_2D'>;
type Shape4 = readonly [images: number, height: number, width: number, channels: number];

/** Bytes of the rows that are made at a time: they should stay in a cache with what reads them. */
const ROWS_BYTES = { '256 KiB': 2 ** 18, '512 KiB': 2 ** 19, '1 MiB': 2 ** 20 } as const;

/** What the first convolution makes: as a whole, or so many bytes of rows at a time. */
type Strips = 'whole' | keyof typeof ROWS_BYTES;

/** What the first convolution makes stays in a cache as a whole where it is smaller. */
const LEAST_BYTES = 2 ** 20;

/** Both convolutions of a node with an expansion; operands that only some rows pass have no place. */
interface Pair {
  readonly first: Product;
  readonly second: Product;
  readonly axes: readonly [rows: Axis, columns: Axis];
}

const FLOAT32 = { kind: 'float32' } as const;

const NOWHERE = { buffer: -1, offset: 0 };

function pairOf(site: Depthwise): Pair | null {
  const { expansion, padding } = site.fused;
  const activation = activationRange(activationOf(site));
  if (expansion === undefined || activation === null) return null;
  const [input, weights, bias = null, firstWeights, firstBias = null] = site.inputs as readonly [
    Operand,
    Operand,
    Operand | null,
    Operand,
    Operand | null,
  ];
  const firstActivation = activationRange(expansion.activation);
  if (firstActivation === null) return null;
  const between: Operand = { type: expansion.type, ref: NOWHERE, value: undefined };
  const output = outputOf(site);
  const [, height, width] = weights.type.shape as Shape4;
  const product = (
    parts: Pick<Product, 'input' | 'weights' | 'bias' | 'output'>,
    range: Range,
    channelAxis: number,
  ) => ({ ...parts, activation: range, channelAxis, units: null });
  return {
    first: product(
      { input, weights: firstWeights, bias: firstBias, output: between },
      firstActivation,
      0,
    ),
    second: product({ input: between, weights, bias, output }, activation, 3),
    axes: imageAxes(between.type.shape, output.type.shape, [height, width], site.options, padding),
  };
}

/** Whether the pair is one of single images in float32, and large enough to gain. */
export function supportsExpansion(site: Depthwise): boolean {
  const pair = pairOf(site);
  if (pair === null) return false;
  const { first, second, axes } = pair;
  const [rows, columns] = axes;
  const [images, height, width, channels] = second.input.type.shape as Shape4;
  const [, windowHeight, windowWidth, depth] = first.weights.type.shape as Shape4;
  const { options } = site.fused.expansion as NonNullable<Depthwise['fused']['expansion']>;
  const isConstant = [first, second].every(
    ({ weights, bias }) => constantElements(weights, bias) !== null,
  );
  const isPlain =
    isConstant &&
    images === 1 &&
    options.strideH * options.strideW === 1 &&
    rows.window * columns.window > 1 &&
    windowHeight * windowWidth === 1 &&
    depth === first.input.type.shape[3] &&
    channels === second.output.type.shape[3] &&
    (rows.output - 1) * rows.stride - rows.before < height;
  return (
    isPlain &&
    [first, second].every(isFloatProduct) &&
    storageBytes(second.input.type) > ROWS_BYTES['256 KiB'] &&
    isSmall(rowsProblem(height * width, rowsOf(channels, depth)))
  );
}

/** Emits both convolutions of a supported site. */
export function emitExpansion(emit: Emitter, site: Depthwise, extras: Extras): void {
  const { first, second, axes } = pairOf(site) as Pair;
  const [rows, columns] = axes;
  const [, height, width, channels] = second.input.type.shape as Shape4;
  const depth = first.input.type.shape[3] as number;
  const { node } = site.fused.expansion as NonNullable<Depthwise['fused']['expansion']>;
  const emitFirst = emit.partOf(node);
  const rowBytes = 4 * width * channels;
  const reach = reachOf(rows);
  const strips = emit.choose(stripsDecision(height * rowBytes));
  const most =
    strips === 'whole'
      ? height
      : Math.max(Math.ceil(ROWS_BYTES[strips] / rowBytes), 2 * reach + rows.stride);
  const held = Math.min(height, most);
  const between = emit.scratch(held * rowBytes);
  const rowAt = (row: number) => advance(between, row * rowBytes);
  // Rows from `begin` up to `end` are held.
  for (let y = 0, begin = 0, end = 0; y < rows.output; ) {
    const top = Math.max(y * rows.stride - rows.before, 0);
    if (top > begin && top < end) {
      const kept = [(end - top) * width * channels];
      const from = { ref: rowAt(top - begin), strides: [1] };
      emitCopy(emit, 4, kept, from, { ref: between, strides: [1] });
    }
    begin = top;
    const start = Math.max(top, end);
    end = Math.min(begin + held, height);
    const pixels = (end - start) * width;
    if (pixels > 0) {
      const part: Product = {
        ...first,
        input: moved(first.input, 4 * start * width * depth),
        output: { ...first.output, ref: rowAt(start - begin) },
      };
      const problem = rowsProblem(pixels, rowsOf(channels, depth));
      const key = `expansion ${pixels} ${depth} ${channels}`;
      emitProduct(emitFirst, part, FLOAT32, problem, key, extras);
    }
    const fits = Math.floor((end - reach + rows.before) / rows.stride) + 1;
    const next = end === height ? rows.output : fits;
    const window = {
      ...rows,
      input: end - begin,
      output: next - y,
      before: begin - (y * rows.stride - rows.before),
    };
    emitDepthwiseF32(
      emit,
      {
        ...second,
        input: { ...second.input, ref: between },
        output: moved(second.output, 4 * y * columns.output * channels),
      },
      [window, columns],
    );
    y = next;
  }
}

function stripsDecision(bytes: number): Decision<Strips> {
  const sizes = (['256 KiB', '512 KiB', '1 MiB'] as const).filter(
    (size) => ROWS_BYTES[size] < bytes,
  );
  const preferred = bytes < LEAST_BYTES ? 'whole' : '512 KiB';
  return { decision: 'expanded rows', candidates: ['whole', ...sizes], preferred };
}

function moved(operand: Operand, bytes: number): Operand {
  return { ...operand, ref: advance(operand.ref, bytes) };
}

function reachOf({ window, dilation }: Axis): number {
  return (window - 1) * dilation + 1;
}
