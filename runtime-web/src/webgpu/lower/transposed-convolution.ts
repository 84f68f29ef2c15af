/** Transposed convolutions of float32 images. */
import { activationOf, activationRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import type { Product } from '../../lower/numerics.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { imageAxes } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { i32 as signed, u32 } from '../wgsl/kernel.js';
import type { IntegerShaders } from './integers.js';
import { isFloat, type Shape4 } from './product.js';
import type { Rows } from './tiles.js';
import { emitFloatTiles } from './tiles-f32.js';
import { transposed } from './weights.js';

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
export const transposedConvolution = (
  integers: IntegerShaders | null,
): Lowering<'TRANSPOSE_CONV'> => ({
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
