/** Depthwise convolution of float32. */
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { imageAxes } from '../../lower/window.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { reads, i32 as signed, u32, writes } from '../wgsl/kernel.js';
import { LANES, times } from '../wgsl/text.js';
import { isFloat, type Shape4 } from './product.js';

/** Neighbours in a row of the output that share what they load. */
const COLUMNS = 4;

/** The widest window that is written out. */
const MAX_WINDOW = 16;

/**
 * Input NHWC, weights [1, height, width, outputs], `outputs` a multiple of the channels. An invocation
 * computes four channels of four neighbours in a row: the input under a row of their windows and the
 * weights are loaded once for all four. Columns of the window are written out in the text.
 */
export const depthwise: Lowering<'DEPTHWISE_CONV_2D'> = {
  supports: (site) => isFloat(site) && (inputOf(site, 1).type.shape[2] as number) <= MAX_WINDOW,
  lower(site, emit) {
    const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
    const [, inH, inW, channels] = input.type.shape as Shape4;
    const [, height, width, outputs] = weights.type.shape as Shape4;
    const [images, outH, outW] = output.type.shape as Shape4;
    const [rows, columns] = imageAxes(
      input.type.shape,
      output.type.shape,
      [height, width],
      site.options,
      site.fused.padding,
    );
    const bias = site.inputs[2] ?? null;
    const isWhole = outputs % 4 === 0;
    const isPlain = isWhole && channels === outputs;
    const across = Math.ceil(outW / COLUMNS);
    const invocations = images * outH * across * Math.ceil(outputs / 4);
    const place = (column: number, tap: number) => column * columns.stride + tap * columns.dilation;
    const places = [
      ...new Set(times(COLUMNS, (column) => times(width, (tap) => place(column, tap))).flat()),
    ];
    const fourOf = (name: string, at: string) =>
      isWhole
        ? `${name}_load((${at}) / 4u)`
        : `vec4<f32>(${times(4, (j) => `${name}_load(${at} + ${j}u)`).join(', ')})`;
    const pixel = isPlain
      ? 'x_load((at + channel) / 4u)'
      : `vec4<f32>(${times(4, (j) => `x_load(at + (channel + ${j}u) / params.multiplier)`).join(', ')})`;
    const store = isWhole
      ? 'y_store((to + channel) / 4u, v);'
      : LANES.map(
          (lane, j) =>
            `if (channel + ${j}u < params.outputs) { y_store(to + channel + ${j}u, v.${lane}); }`,
        ).join(' ');
    emit.run({
      label: 'DEPTHWISE_CONV_2D',
      bindings: {
        x: reads(input, isPlain ? 4 : 1),
        w: reads(weights, isWhole ? 4 : 1),
        ...(bias === null ? {} : { bias: reads(bias, isWhole ? 4 : 1) }),
        y: writes(output, isWhole ? 4 : 1),
      },
      params: {
        invocations: u32(invocations),
        in_h: signed(inH),
        in_w: signed(inW),
        channels: u32(channels),
        multiplier: u32(outputs / channels),
        outputs: u32(outputs),
        fours: u32(Math.ceil(outputs / 4)),
        out_h: u32(outH),
        out_w: u32(outW),
        across: u32(across),
        window_h: u32(height),
        stride_h: signed(rows.stride),
        dilation_h: signed(rows.dilation),
        pad_top: signed(rows.before),
        pad_left: signed(columns.before),
      },
      grid: { invocations },
      multiplyAdds: count(output.type.shape) * height * width,
      declarations: `${activationFunction(activationOf(site), 'vec4<f32>')}
fn pixel(at: u32, channel: u32) -> vec4<f32> { return ${pixel}; }`,
      body: `
if (index >= params.invocations) { return; }
let channel = index % params.fours * 4u;
var rest = index / params.fours;
let column = rest % params.across * ${COLUMNS}u;
rest /= params.across;
let line = rest % params.out_h;
let image = rest / params.out_h;
let left = i32(column) * ${columns.stride} - params.pad_left;
let top = i32(line) * params.stride_h - params.pad_top;
${times(COLUMNS, (at) => `var s${at} = vec4<f32>(0.0);`).join('\n')}
for (var tap = 0u; tap < params.window_h; tap++) {
  let row = top + i32(tap) * params.dilation_h;
  if (row < 0 || row >= params.in_h) { continue; }
  let begin = (i32(image) * params.in_h + row) * params.in_w;
  let weights = tap * ${width}u * params.outputs + channel;
  ${times(width, (at) => `let w${at} = ${fourOf('w', `weights + ${at}u * params.outputs`)};`).join('\n  ')}
  ${places
    .map((at) => {
      const inside = `left + ${at} >= 0 && left + ${at} < params.in_w`;
      const load = `pixel(u32(begin + clamp(left + ${at}, 0, params.in_w - 1)) * params.channels, channel)`;
      return `let x${at} = select(vec4<f32>(0.0), ${load}, ${inside});`;
    })
    .join('\n  ')}
  ${times(COLUMNS, (at) => times(width, (tap) => `s${at} += x${place(at, tap)} * w${tap};`).join(' ')).join('\n  ')}
}
let b = ${bias === null ? 'vec4<f32>(0.0)' : fourOf('bias', 'channel')};
let first = ((image * params.out_h + line) * params.out_w + column) * params.outputs;
${times(
  COLUMNS,
  (at) =>
    `if (column + ${at}u < params.out_w) { let to = first + ${at}u * params.outputs; let v = activate(s${at} + b); ${store} }`,
).join('\n')}`,
    });
  },
};
