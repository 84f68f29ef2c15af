/** Convolutions of float32 images. */
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type Axis, imageAxes } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { i32 as signed, u32 } from '../wgsl/kernel.js';
import type { IntegerShaders } from './integers.js';
import { emitFloatRows, isFloat, matrixRows, productOf, type Shape4 } from './product.js';
import type { Rows } from './tiles.js';
import { emitFloatTiles } from './tiles-f32.js';
import { transposed } from './weights.js';

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

/** Input NHWC, weights OHWI; fewer input channels in the weights than in the input make groups. */
export const convolution = (integers: IntegerShaders | null): Lowering<'CONV_2D'> => ({
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
