/** Matrix products and convolutions of float32. */
import { FullyConnectedOptionsWeightsFormat, type OpName } from '@linnet/schema';
import { activationOf, activationRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import type { Product } from '../../lower/numerics.js';
import { type AnySite, inputOf, outputOf } from '../../lower/operands.js';
import { type Axis, imageAxes } from '../../lower/window.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { i32 as signed, u32 } from '../wgsl/kernel.js';
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

/** Whether a window reaches beyond its image. */
function isPadded({ input, output, window, stride, dilation, before }: Axis): boolean {
  return before > 0 || (output - 1) * stride + (window - 1) * dilation - before >= input;
}

/** Pixels under a window of NHWC images; an item is a group of channels. */
function windowRows(
  site: LowerSite<'CONV_2D'>,
  [height, width, depth]: readonly [number, number, number],
): Rows {
  const [operand, output] = [inputOf(site, 0), outputOf(site)];
  const [, inH, inW, channels] = operand.type.shape as Shape4;
  const [, outH, outW] = output.type.shape as Shape4;
  const [rows, columns] = imageAxes(
    operand.type.shape,
    output.type.shape,
    [height, width],
    site.options,
    site.fused.padding,
  );
  const isPixel = ({ input, output, window, before }: Axis) =>
    window === 1 && before === 0 && input === output;
  if (channels === depth && isPixel(rows) && isPixel(columns)) return matrixRows(operand, depth);
  const unit = channels % 4 === 0 && depth % 4 === 0 ? 4 : 1;
  return {
    operand,
    taps: height * width,
    depth,
    unit,
    canMiss: [rows, columns].some(isPadded),
    functions: `
fn row_at(item: u32, row: u32) -> vec3<i32> {
  let line = row / params.out_w;
  let left = i32(row % params.out_w) * params.stride_w - params.pad_left;
  let top = i32(line % params.out_h) * params.stride_h - params.pad_top;
  return vec3(left, top, i32(line / params.out_h) * params.in_h);
}
fn run_at(row: vec3<i32>, item: u32, tap: u32) -> i32 {
  let x = row.x + i32(tap % params.window_w) * params.dilation_w;
  let y = row.y + i32(tap / params.window_w) * params.dilation_h;
  let pixel = ((row.z + y) * params.in_w + x) * params.channels + i32(item * params.depth);
  return select(-1, pixel, (x >= 0) & (x < params.in_w) & (y >= 0) & (y < params.in_h));
}`,
    params: {
      in_h: signed(inH),
      in_w: signed(inW),
      channels: signed(channels / unit),
      out_h: u32(outH),
      out_w: u32(outW),
      window_w: u32(width),
      stride_h: signed(rows.stride),
      stride_w: signed(columns.stride),
      dilation_h: signed(rows.dilation),
      dilation_w: signed(columns.dilation),
      pad_top: signed(rows.before),
      pad_left: signed(columns.before),
    },
  };
}

function groupsOf(site: LowerSite<'CONV_2D'>): number {
  return (inputOf(site, 0).type.shape[3] as number) / (inputOf(site, 1).type.shape[3] as number);
}

/** What numericsOf asks of a convolution or product with weights [columns, ...]. */
function productOf(site: LowerSite<'CONV_2D' | 'FULLY_CONNECTED'>): Product | null {
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
function emitFloatRows(
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

/** Input NHWC, weights OHWI; fewer input channels in the weights than in the input make groups. */
const convolution = (integers: IntegerShaders | null): Lowering<'CONV_2D'> => ({
  supports: (site) => isFloat(site) || integers?.product(productOf(site), groupsOf(site)) != null,
  lower(site, emit) {
    const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const [outputs, height, width, depth] = weights.type.shape as Shape4;
    const groups = groupsOf(site);
    const columns = outputs / groups;
    const tiles = {
      label: 'CONV_2D',
      items: groups,
      size: [count(output.type.shape) / outputs, columns],
      rows: windowRows(site, [height, width, depth]),
      output,
      outputStrides: [columns, outputs],
    } as const;
    const bytes = integers?.product(productOf(site), groups);
    if (bytes) return integers?.emitTiles(emit, tiles, bytes);
    const bias = site.inputs[2] ?? null;
    const activation = activationOf(site);
    // Pixels one by one are rows of a matrix.
    if (height * width === 1 && tiles.rows.params.in_w === undefined) {
      emitFloatRows(emit, tiles, { label: 'CONV_2D', input, weights, bias, activation, output });
      return;
    }
    emitFloatTiles(emit, {
      ...tiles,
      weights: transposed(emit, weights, groups, columns, height * width * depth),
      bias,
      activation,
    });
  },
});

/** Pixels of the input that a pixel of a transposed convolution's output takes part of. */
function spreadRows(site: LowerSite<'TRANSPOSE_CONV'>): Rows {
  const [weights, operand, output] = [inputOf(site, 1), inputOf(site, 2), outputOf(site)];
  const [, height, width, depth] = weights.type.shape as Shape4;
  const [, inH, inW] = operand.type.shape as Shape4;
  const [, outH, outW] = output.type.shape as Shape4;
  // The axes of the convolution that takes the output back to the input.
  const window = [height, width] as const;
  const [rows, columns] = imageAxes(output.type.shape, operand.type.shape, window, site.options);
  const unit = depth % 4 === 0 ? 4 : 1;
  return {
    operand,
    taps: height * width,
    depth,
    unit,
    canMiss: true,
    functions: `
fn row_at(item: u32, row: u32) -> vec3<i32> {
  let line = row / params.out_w;
  let left = i32(row % params.out_w) + params.pad_left;
  let top = i32(line % params.out_h) + params.pad_top;
  return vec3(left, top, i32(line / params.out_h) * params.in_h);
}
fn run_at(row: vec3<i32>, item: u32, tap: u32) -> i32 {
  let x = row.x - i32(tap % params.window_w);
  let y = row.y - i32(tap / params.window_w);
  let column = x / params.stride_w;
  let line = y / params.stride_h;
  let is_there = (x >= 0) & (y >= 0) & (column * params.stride_w == x) & (line * params.stride_h == y) & (column < params.in_w) & (line < params.in_h);
  return select(-1, ((row.z + line) * params.in_w + column) * i32(params.depth), is_there);
}`,
    params: {
      in_h: signed(inH),
      in_w: signed(inW),
      out_h: u32(outH),
      out_w: u32(outW),
      window_w: u32(width),
      stride_h: signed(rows.stride),
      stride_w: signed(columns.stride),
      pad_top: signed(rows.before),
      pad_left: signed(columns.before),
    },
  };
}

function spreadOf(site: LowerSite<'TRANSPOSE_CONV'>): Product | null {
  const activation = activationRange(activationOf(site));
  if (activation === null) return null;
  return {
    input: inputOf(site, 2),
    weights: inputOf(site, 1),
    bias: site.inputs[3] ?? null,
    output: outputOf(site),
    activation,
    channelAxis: 0,
    units: null,
  };
}

/** Inputs: the output's shape, weights OHWI, images NHWC, bias. */
const transposedConvolution = (integers: IntegerShaders | null): Lowering<'TRANSPOSE_CONV'> => ({
  supports(site) {
    const [weights, input] = [inputOf(site, 1), inputOf(site, 2)];
    const bias = site.inputs[3] ?? null;
    return (
      isFloat({ inputs: [weights, input, bias], outputs: site.outputs }) ||
      integers?.product(spreadOf(site), 1) != null
    );
  },
  lower(site, emit) {
    const [weights, output] = [inputOf(site, 1), outputOf(site)];
    const [columns, height, width, depth] = weights.type.shape as Shape4;
    const tiles = {
      label: 'TRANSPOSE_CONV',
      items: 1,
      size: [count(output.type.shape) / columns, columns],
      rows: spreadRows(site),
      output,
      outputStrides: [0, columns],
    } as const;
    const bytes = integers?.product(spreadOf(site), 1);
    if (bytes) return integers?.emitTiles(emit, tiles, bytes);
    emitFloatTiles(emit, {
      ...tiles,
      weights: transposed(emit, weights, 1, columns, height * width * depth),
      bias: site.inputs[3] ?? null,
      activation: activationOf(site),
    });
  },
});

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
    CONV_2D: convolution(integers),
    TRANSPOSE_CONV: transposedConvolution(integers),
    FULLY_CONNECTED: fullyConnected(integers),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
