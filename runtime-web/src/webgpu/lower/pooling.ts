/** Pooling of NHWC images of float32. */
import type { OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { imageAxes } from '../../lower/window.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { reads, i32 as signed, u32, writes } from '../wgsl/kernel.js';
import { isFloat, type Shape4 } from './product.js';

interface Row {
  /** What the result of a window begins with. */
  readonly first: string;
  /** The next result from the last, `s`, and an element, `v`. */
  readonly step: string;
  /** What becomes of the result; the window has `n` elements. */
  readonly last: string;
}

/** Elements outside the image do not count. An invocation computes four channels where they are whole fours. */
function pooling(row: Row): Lowering<'AVERAGE_POOL_2D' | 'MAX_POOL_2D' | 'L2_POOL_2D'> {
  return {
    supports: isFloat,
    lower(site, emit) {
      const [input, output] = [inputOf(site, 0), outputOf(site)];
      const { options } = site;
      const [, inH, inW, channels] = input.type.shape as Shape4;
      const [, outH, outW] = output.type.shape as Shape4;
      const window = [options.filterHeight, options.filterWidth] as const;
      const [rows, columns] = imageAxes(input.type.shape, output.type.shape, window, options);
      const width = channels % 4 === 0 ? 4 : 1;
      const type = width === 4 ? 'vec4<f32>' : 'f32';
      const invocations = count(output.type.shape) / width;
      emit.run({
        label: site.op,
        bindings: { x: reads(input, width), y: writes(output, width) },
        params: {
          invocations: u32(invocations),
          channels: u32(channels / width),
          in_h: signed(inH),
          in_w: signed(inW),
          out_h: u32(outH),
          out_w: u32(outW),
          window_h: signed(rows.window),
          window_w: signed(columns.window),
          stride_h: signed(rows.stride),
          stride_w: signed(columns.stride),
          pad_top: signed(rows.before),
          pad_left: signed(columns.before),
        },
        grid: { invocations },
        declarations: activationFunction(activationOf(site), type),
        body: `
if (index >= params.invocations) { return; }
let channel = index % params.channels;
var rest = index / params.channels;
let left = i32(rest % params.out_w) * params.stride_w - params.pad_left;
rest /= params.out_w;
let top = i32(rest % params.out_h) * params.stride_h - params.pad_top;
let image = i32(rest / params.out_h) * params.in_h;
let bottom = min(top + params.window_h, params.in_h);
let right = min(left + params.window_w, params.in_w);
var s = ${type}(${row.first});
for (var y = max(top, 0); y < bottom; y++) {
  for (var x = max(left, 0); x < right; x++) {
    let v = x_load(u32((image + y) * params.in_w + x) * params.channels + channel);
    s = ${row.step};
  }
}
let n = f32(max(bottom - max(top, 0), 0) * max(right - max(left, 0), 0));
y_store(index, activate(${row.last}));`,
      });
    },
  };
}

export const POOLING_LOWERINGS = {
  AVERAGE_POOL_2D: pooling({ first: '0.0', step: 's + v', last: 's / n' }),
  MAX_POOL_2D: pooling({
    first: '-3.40282346e38',
    step: 'max(s, v)',
    last: 's',
  }),
  L2_POOL_2D: pooling({ first: '0.0', step: 's + v * v', last: 'sqrt(s / n)' }),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
