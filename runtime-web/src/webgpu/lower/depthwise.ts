/** Depthwise convolution of float32 and of 8-bit integers. */
import { activationOf, activationRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { imageAxes } from '../../lower/window.js';
import type { BufferRef, LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import {
  type Binding,
  type Elements,
  type Param,
  reads,
  i32 as signed,
  u32,
  writes,
} from '../wgsl/kernel.js';
import { LANES, times } from '../wgsl/text.js';
import { isFloat, type Shape4 } from './product.js';
import { type ByteProduct, byteOperands, requantization } from './tiles-q8.js';

/** Neighbours in a row of the output that share what they load. */
const COLUMNS = 4;

/** The widest window that is written out. */
const MAX_WINDOW = 16;

/** In which arithmetic taps are added up, and what becomes of the sums. */
interface Sums {
  readonly vector: 'vec4<f32>' | 'vec4<i32>';
  /** What the input has outside. */
  readonly zero: string;
  readonly weights: Elements;
  readonly bias: Elements | null;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly params: Readonly<Record<string, Param>>;
  readonly declarations: string;
  readonly ready: string;
  result(sum: string): string;
}

type Site = LowerSite<'DEPTHWISE_CONV_2D'>;

function floatSums(site: Site): Sums {
  return {
    vector: 'vec4<f32>',
    zero: 'vec4<f32>()',
    weights: inputOf(site, 1),
    bias: site.inputs[2] ?? null,
    bindings: {},
    params: {},
    declarations: activationFunction(activationOf(site), 'vec4<f32>'),
    ready: '',
    result: (sum) => `activate(${sum})`,
  };
}

/** Channels have to be whole fours, which is what bytes are stored in. */
function bytesOf(site: Site): ByteProduct | null {
  const activation = activationRange(activationOf(site));
  if (activation === null || (outputOf(site).type.shape[3] as number) % 4 !== 0) return null;
  return byteOperands({
    input: inputOf(site, 0),
    weights: inputOf(site, 1),
    bias: site.inputs[2] ?? null,
    output: outputOf(site),
    activation,
    channelAxis: 3,
    units: null,
  });
}

/** The weights less their zero point as int32; the input's is in what sums begin with. */
function byteSums(emit: Emitter, { product, numerics, weights, bias, zero }: ByteProduct): Sums {
  const outputs = product.weights.type.shape[3] as number;
  const inputZero = numerics.input.zero;
  const int32 = (ref: BufferRef): Elements => ({ ref, type: { dtype: 'int32' } });
  const centred = () => Int32Array.from(weights as ArrayLike<number>, (weight) => weight - zero);
  const finish = requantization(emit, product, numerics, outputs);
  return {
    vector: 'vec4<i32>',
    zero: 'vec4(params.x_zero)',
    weights: int32(emit.constant('depthwise weights', centred)),
    bias: int32(
      emit.constant(`depthwise starts ${inputZero}`, () => {
        const starts = Int32Array.from({ length: outputs }, (_, at) => Number(bias?.[at] ?? 0));
        centred().forEach((weight, at) => {
          starts[at % outputs] = (starts[at % outputs] as number) - inputZero * weight;
        });
        return starts;
      }),
    ),
    bindings: finish.bindings,
    params: { x_zero: signed(inputZero), ...finish.params },
    declarations: finish.declarations,
    ready: 'let scale = scales_load(channel / 4u);',
    result: (sum) => `requantize(${sum}, scale)`,
  };
}

/**
 * Input NHWC, weights [1, height, width, outputs], `outputs` a multiple of the channels. An invocation
 * computes four channels of four neighbours in a row: the input under a row of their windows and the
 * weights are loaded once for all four. Columns of the window are written out in the text.
 */
export const depthwise: Lowering<'DEPTHWISE_CONV_2D'> = {
  supports: (site) =>
    (isFloat(site) || bytesOf(site) !== null) &&
    (inputOf(site, 1).type.shape[2] as number) <= MAX_WINDOW,
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
    const bytes = bytesOf(site);
    const sums = bytes === null ? floatSums(site) : byteSums(emit, bytes);
    const { vector } = sums;
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
        : `${vector}(${times(4, (j) => `${name}_load(${at} + ${j}u)`).join(', ')})`;
    const pixel = isPlain
      ? 'x_load((at + channel) / 4u)'
      : `${vector}(${times(4, (j) => `x_load(at + (channel + ${j}u) / params.multiplier)`).join(', ')})`;
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
        w: reads(sums.weights, isWhole ? 4 : 1),
        ...(sums.bias === null ? {} : { bias: reads(sums.bias, isWhole ? 4 : 1) }),
        ...sums.bindings,
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
        ...sums.params,
      },
      grid: { invocations },
      multiplyAdds: count(output.type.shape) * height * width,
      declarations: `${sums.declarations}
fn pixel(at: u32, channel: u32) -> ${vector} { return ${pixel}; }`,
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
${times(COLUMNS, (at) => `var s${at} = ${vector}();`).join('\n')}
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
      return `let x${at} = select(${sums.zero}, ${load}, ${inside});`;
    })
    .join('\n  ')}
  ${times(COLUMNS, (at) => times(width, (tap) => `s${at} += x${place(at, tap)} * w${tap};`).join(' ')).join('\n  ')}
}
let b = ${sums.bias === null ? `${vector}()` : fourOf('bias', 'channel')};
${sums.ready}
let first = ((image * params.out_h + line) * params.out_w + column) * params.outputs;
${times(
  COLUMNS,
  (at) =>
    `if (column + ${at}u < params.out_w) { let to = first + ${at}u * params.outputs; let v = ${sums.result(`s${at} + b`)}; ${store} }`,
).join('\n')}`,
    });
  },
};
