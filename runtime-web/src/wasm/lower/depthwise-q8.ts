/** Emits depthwise convolutions of 8-bit integers: DEPTHWISE_Q8 of the kernels' declaration. */
import type { TypedArray } from '@linnet/schema';
import type { ByteNumerics, Product } from '../../lower/numerics.js';
import type { Axis } from '../../lower/window.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { ByteDot } from '../dot.js';
import type { Emitter } from '../lowering.js';
import { constantElements } from './packing.js';
import { type DotPacking, headOf } from './packing-q8.js';
import { threadBytes } from './problem.js';
import { dotForm, emitDot, requantization } from './product-q8.js';
import type { windowArguments } from './window.js';

/** Rows of the input that kernels interleave. */
const QUAD = 4;
/** Bytes of a column of a quad. */
const COLUMN_BYTES = 64;
/** As in src/depthwise_q8.h. */
const MAX_GROUP_ROWS = 4;
/** Interleaved columns should stay in the first cache; more than MAX_COLUMN_BYTES are none of it. */
const STRIP_BYTES = 2 ** 14;
const MAX_COLUMN_BYTES = 2 ** 20;
/** Channels of a block of depthwise_q8, and of depthwise_q8_dot. */
const LANES = 8;
const DOT_LANES = 16;

/** How rows of the output are grouped. */
export interface Groups {
  readonly rows: number;
  readonly spacing: number;
  /** The first tap, counted in rows of the group's window, of each of its rows. */
  readonly firstTaps: readonly number[];
  readonly quads: number;
}

/**
 * As many rows in a group as see no more quads than one of them: neighbours, or with a dilation those
 * that see the same rows.
 */
export function groupsOf({ window, stride, dilation }: Axis): Groups {
  const quads = Math.ceil(window / QUAD);
  const step = dilation === 1 ? stride : 1;
  const fitting = Math.floor((QUAD * quads - window) / step) + 1;
  const rows = dilation === 1 || stride === 1 ? Math.min(fitting, MAX_GROUP_ROWS) : 1;
  const firstTaps = Array.from({ length: rows }, (_, row) => row * step);
  return { rows, spacing: dilation, firstTaps, quads };
}

/** Outputs of a row that are computed at a time, and the columns that they see. */
function stripOf({ window, stride, dilation, output }: Axis, quads: number) {
  const reach = (outputs: number) => (outputs - 1) * stride + (window - 1) * dilation + 1;
  const room = Math.floor(STRIP_BYTES / (COLUMN_BYTES * quads));
  const fitting = Math.floor((room - reach(1)) / stride) + 1;
  const strip = Math.min(Math.max(fitting, 1), output);
  return { strip, bytes: threadBytes(COLUMN_BYTES * quads * reach(strip)) };
}

/** What is packed: weights [height, width, channels], and where they go. */
export interface DepthwiseWeights {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly groups: Groups;
}

function blockBytes({ width, groups }: DepthwiseWeights, lanes: number, headBytes: number): number {
  return lanes * headBytes + groups.rows * width * groups.quads * COLUMN_BYTES;
}

/** Calls visit(block, first channel) for each block; the last ends with the last channel. */
function forEachBlock(
  channels: number,
  lanes: number,
  visit: (block: number, channel: number) => void,
): void {
  for (let block = 0; block * lanes < channels; block++) {
    visit(block, Math.min(block * lanes, channels - lanes));
  }
}

/** Calls visit(y, x, tap) for every weight of a channel in each row of a group: tap counts columns first. */
function forEachTap(
  { height, width, groups }: DepthwiseWeights,
  visit: (element: number, column: number, tap: number) => void,
): void {
  groups.firstTaps.forEach((firstTap, row) => {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const quad = (row * width + x) * groups.quads + Math.floor((firstTap + y) / QUAD);
        visit(y * width + x, quad, (firstTap + y) % QUAD);
      }
    }
  });
}

/** Weights less their zero points, and biases, as depthwise_q8 wants them. */
export function packDepthwise(
  elements: TypedArray,
  bias: TypedArray | null,
  zeros: Int32Array,
  shape: DepthwiseWeights,
): Uint8Array {
  const { channels } = shape;
  const size = blockBytes(shape, LANES, 4);
  const packed = new Uint8Array(Math.ceil(channels / LANES) * size);
  forEachBlock(channels, LANES, (block, channel) => {
    const biases = new Int32Array(packed.buffer, block * size, LANES);
    const weights = new Int16Array(packed.buffer, block * size + biases.byteLength);
    for (let lane = 0; lane < LANES; lane++) {
      const c = channel + lane;
      biases[lane] = (bias?.[c] as number | undefined) ?? 0;
      const zero = (zeros.length === 1 ? zeros[0] : zeros[c]) as number;
      forEachTap(shape, (element, quad, tap) => {
        const at = quad * QUAD * LANES + (tap >> 1) * 2 * LANES + 2 * lane + (tap & 1);
        weights[at] = (elements[element * channels + c] as number) - zero;
      });
    }
  });
  return packed;
}

/** Weights, their zero point apart, and biases as depthwise_q8_dot wants them. */
export function packDepthwiseDot(
  elements: TypedArray,
  bias: TypedArray | null,
  shape: DepthwiseWeights,
  packing: DotPacking,
): Uint8Array {
  const { height, width, channels, groups } = shape;
  const size = blockBytes(shape, DOT_LANES, 4);
  const masks = groups.rows * groups.quads * DOT_LANES;
  const packed = new Int8Array(masks + Math.ceil(channels / DOT_LANES) * size);
  groups.firstTaps.forEach((firstTap, row) => {
    for (let lane = 0; lane < DOT_LANES; lane += QUAD) {
      for (let tap = firstTap; tap < firstTap + height; tap++) {
        const quad = row * groups.quads + Math.floor(tap / QUAD);
        packed[quad * DOT_LANES + lane + (tap % QUAD)] = -packing.weightZero;
      }
    }
  });
  forEachBlock(channels, DOT_LANES, (block, channel) => {
    const heads = new Int32Array(packed.buffer, masks + block * size, DOT_LANES);
    const weights = packed.subarray(masks + block * size + heads.byteLength);
    for (let lane = 0; lane < DOT_LANES; lane++) {
      const c = channel + lane;
      let sum = 0;
      forEachTap(shape, (element, quad, tap) => {
        const weight = (elements[element * channels + c] as number) - packing.weightShift;
        weights[(quad * DOT_LANES + lane) * QUAD + tap] = weight;
        sum += weight;
      });
      const own = (bias?.[c] as number | undefined) ?? 0;
      heads[lane] = headOf(packing, sum / groups.rows, height * width, own);
    }
  });
  return new Uint8Array(packed.buffer);
}

/**
 * Emits a depthwise convolution of one output per channel. False, with nothing emitted, for what has no
 * kernel of its own: weights that may change, too many columns, too few channels for a block.
 */
export function emitDepthwiseQ8(
  emit: Emitter,
  product: Product,
  numerics: ByteNumerics,
  [rows, columns]: readonly [rows: Axis, columns: Axis],
  window: ReturnType<typeof windowArguments> & { readonly output: BufferRef },
  dot: ByteDot,
): boolean {
  const bias = numerics.kind === 'hybrid' ? null : product.bias;
  const values = constantElements(product.weights, bias);
  const groups = groupsOf(rows);
  const { strip, bytes } = stripOf(columns, groups.quads);
  const { channels } = window;
  if (values === null || bytes > MAX_COLUMN_BYTES || channels < LANES) return false;
  const shape = { height: rows.window, width: columns.window, channels, groups };
  const layout = `depthwise ${JSON.stringify(shape)}`;
  const found = dotForm(dot, product, numerics);
  // Masks hold the weights' zero point with its sign changed.
  const isDot = found !== null && found.packing.weightZero > -128 && channels >= DOT_LANES;
  const form = isDot ? found : null;
  const block = {
    ...window,
    ...requantization(emit, product, numerics, {
      items: 1,
      columns: channels,
      depth: rows.window * columns.window,
    }),
    columns: emit.threadScratch(bytes),
    column_bytes: bytes,
    quads: groups.quads,
    strip,
    group_rows: groups.rows,
    group_spacing: groups.spacing,
  };
  if (form === null) {
    const { zeroPoint } = numerics.channels;
    const key = `weights q8 ${numerics.kind} ${layout}`;
    emit.call('depthwise_q8', {
      ...block,
      block_bytes: blockBytes(shape, LANES, 4),
      weights: emit.constant(key, () =>
        packDepthwise(values.weights, values.bias, zeroPoint, shape),
      ),
    });
  } else {
    emit.call('depthwise_q8_dot', {
      ...block,
      ...form.block,
      block_bytes: blockBytes(shape, DOT_LANES, 4),
      weights: emitDot(product, form, layout, (key, known) =>
        emit.constant(key, () => packDepthwiseDot(known.weights, known.bias, shape, form.packing)),
      ),
    });
  }
  return true;
}
