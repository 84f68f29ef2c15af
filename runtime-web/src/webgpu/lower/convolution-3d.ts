/** Convolutions of volumes. */
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { windowAxis } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { type Param, i32 as signed, u32 } from '../wgsl/kernel.js';
import { isFloat } from './product.js';
import type { Rows } from './tiles.js';
import { emitFloatTiles } from './tiles-f32.js';
import { rightSide } from './weights.js';

type Shape5 = readonly [number, number, number, number, number];

/** Voxels under a window of NDHWC volumes. */
function windowRows(site: LowerSite<'CONV_3D'>): Rows {
  const { options } = site;
  const operand = inputOf(site, 0);
  const [window, inner, outer] = [inputOf(site, 1), operand, outputOf(site)].map(
    ({ type }) => type.shape as Shape5,
  ) as [Shape5, Shape5, Shape5];
  const channels = inner[4];
  const unit = channels % 4 === 0 ? 4 : 1;
  const params: Record<string, Param> = {};
  const axes = [
    ['d', options.strideD, options.dilationDFactor],
    ['h', options.strideH, options.dilationHFactor],
    ['w', options.strideW, options.dilationWFactor],
  ] as const;
  axes.forEach(([name, stride, dilation], axis) => {
    const [input, output] = [inner[axis + 1] as number, outer[axis + 1] as number];
    const size = window[axis] as number;
    const { before } = windowAxis(
      { input, output, window: size, stride, dilation },
      options.padding,
    );
    params[`in_${name}`] = signed(input);
    params[`out_${name}`] = u32(output);
    params[`window_${name}`] = u32(size);
    params[`stride_${name}`] = signed(stride);
    params[`dilation_${name}`] = signed(dilation);
    params[`before_${name}`] = signed(before);
  });
  return {
    operand,
    taps: window[0] * window[1] * window[2],
    depth: channels,
    unit,
    canMiss: true,
    functions: `
fn row_at(item: u32, row: u32) -> vec3<i32> {
  let line = row / params.out_w;
  let plane = line / params.out_h;
  return vec3(i32(row % params.out_w) * params.stride_w - params.before_w, i32(line % params.out_h) * params.stride_h - params.before_h, i32(plane));
}
fn run_at(row: vec3<i32>, item: u32, tap: u32) -> i32 {
  let plane = u32(row.z);
  let z = i32(plane % params.out_d) * params.stride_d - params.before_d + i32(tap / (params.window_w * params.window_h)) * params.dilation_d;
  let y = row.y + i32(tap / params.window_w % params.window_h) * params.dilation_h;
  let x = row.x + i32(tap % params.window_w) * params.dilation_w;
  let voxel = ((i32(plane / params.out_d) * params.in_d + z) * params.in_h + y) * params.in_w + x;
  return select(-1, voxel * i32(params.depth), (x >= 0) & (x < params.in_w) & (y >= 0) & (y < params.in_h) & (z >= 0) & (z < params.in_d));
}`,
    params,
  };
}

/** Input NDHWC, weights DHWIO. */
export const convolution3d: Lowering<'CONV_3D'> = {
  supports: isFloat,
  lower(site, emit) {
    const [weights, output] = [inputOf(site, 1), outputOf(site)];
    const columns = weights.type.shape[4] as number;
    const depth = count(weights.type.shape) / columns;
    emitFloatTiles(emit, {
      label: 'CONV_3D',
      items: 1,
      size: [count(output.type.shape) / columns, columns],
      rows: windowRows(site),
      weights: rightSide(emit, weights, [depth, columns], false, '0u'),
      bias: site.inputs[2] ?? null,
      activation: activationOf(site),
      output,
      outputStrides: [0, columns],
    });
  },
};
