/** Depthwise convolution of float32 and of 8-bit integers. */
import { activationOf, activationRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { imageAxes } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { INTEGER_BYTES, realBytes } from '../wgsl/bytes.js';
import { array, type Binding, i32, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { LANES, times } from '../wgsl/text.js';
import { emitNarrowed } from './narrow.js';
import { isFloat, type Shape4 } from './product.js';
import { type ByteProduct, byteFinish, byteOperands, shiftOf } from './product-q8.js';
import { resident } from './weights.js';

/** Neighbours in a row of the output that share what they load. */
const COLUMNS = 4;

/** The widest window that is written out. */
const MAX_WINDOW = 16;

/** In which arithmetic taps are added up, and what becomes of the sums. */
interface Sums {
  readonly vector: 'vec4<f32>' | 'vec4<i32>';
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly params: Readonly<Record<string, Param>>;
  /**
   * Functions `pixel(at: u32, channel: u32)` and `weight(at: u32)`: four channels of the pixel whose
   * first element is number `at`, from `channel` on, and four weights; by fours where channels are whole.
   */
  readonly declarations: string;
  /** What the input has outside the image; null: nothing that counts. */
  readonly outside: string | null;
  /** Statements once all is added up. */
  readonly ready: string;
  result(sum: string): string;
}

type Site = LowerSite<'DEPTHWISE_CONV_2D'>;

/** How channels lie: fours of outputs, and whether each comes of the channel of its own number. */
interface Channels {
  readonly isWhole: boolean;
  readonly isPlain: boolean;
}

function floatSums(emit: Emitter, site: Site, { isWhole, isPlain }: Channels): Sums {
  const bias = site.inputs[2] ?? null;
  const vector = 'vec4<f32>';
  const width = isWhole ? 4 : 1;
  const fourOf = (name: string, at: string) =>
    isWhole
      ? `${name}_load(${at})`
      : `${vector}(${times(4, (j) => `${name}_load(${at} + ${j}u)`).join(', ')})`;
  return {
    vector,
    bindings: {
      x: reads(inputOf(site, 0), isPlain ? 4 : 1),
      w: reads(resident(emit, inputOf(site, 1)), width),
      ...(bias === null ? {} : { bias: reads(bias, width) }),
    },
    params: {},
    declarations: `${activationFunction(activationOf(site), vector)}
fn pixel(at: u32, channel: u32) -> ${vector} { return ${
      isPlain ? 'x_load(at + channel)' : `${vector}(${spread(isWhole).join(', ')})`
    }; }
fn weight(at: u32) -> ${vector} { return ${fourOf('w', 'at')}; }`,
    outside: null,
    ready: `let b = ${bias === null ? `${vector}()` : fourOf('bias', 'channel')};`,
    result: (sum) => `activate(${sum} + b)`,
  };
}

/** The channels of the input that four outputs come of, one by one. */
function spread(isWhole: boolean): readonly string[] {
  return times(
    4,
    (j) => `x_load(at + (channel${isWhole ? ' * 4u' : ''} + ${j}u) / params.multiplier)`,
  );
}

function bytesOf(site: Site): ByteProduct | null {
  const activation = activationRange(activationOf(site));
  if (activation === null) return null;
  return byteOperands({
    input: inputOf(site, 0),
    weights: inputOf(site, 1),
    bias: site.inputs[2] ?? null,
    output: outputOf(site),
    activation,
    channelAxis: 3,
    units: inputOf(site, 0).type.shape[0] as number,
  });
}

/** Products of bytes, unsigned ones less 128; the input's zero point is in what sums begin with. */
function byteSums(emit: Emitter, bytes: ByteProduct, { isWhole, isPlain }: Channels): Sums {
  const { product } = bytes;
  const [outputs, taps] = [product.weights.type.shape[3] as number, tapsOf(product)];
  const images = product.input.type.shape[0] as number;
  const finish = byteFinish(emit, bytes, outputs, images);
  const { input, start } = finish;
  const inputShift = shiftOf(input.type.dtype);
  const shift = shiftOf(product.weights.type.dtype);
  const weightZero = bytes.zero - shift;
  const code = realBytes(emit.traits, 128 * 255 * taps) ?? INTEGER_BYTES;
  const { vector } = code;
  const words = emit.constant('depthwise bytes', () =>
    Int8Array.from(bytes.weights as ArrayLike<number>, (weight) => weight - shift),
  );
  const starts = emit.constant(`depthwise starts ${start.factor}`, () => {
    const sums = Int32Array.from({ length: 4 * Math.ceil(outputs / 4) }, (_, at) =>
      Number(start.bias?.[at] ?? 0),
    );
    for (let at = 0; at < bytes.weights.length; at++) {
      const weight = (bytes.weights[at] as number) - bytes.zero;
      sums[at % outputs] = (sums[at % outputs] as number) + start.factor * weight;
    }
    return sums;
  });
  const signed = inputShift === 0 ? '' : ' ^ 0x80808080u';
  const less = inputShift === 0 ? '' : ` - ${inputShift}`;
  return {
    vector,
    bindings: {
      x: isPlain ? array(input.ref, 'u32', 'read') : reads(input, 1),
      w: isWhole ? array(words, 'u32', 'read') : reads({ ref: words, type: { dtype: 'int8' } }, 1),
      starts: array(starts, 'vec4<i32>', 'read'),
      ...finish.bindings,
    },
    params: { w_zero: i32(weightZero), ...finish.params },
    declarations: `${code.declaration}
${finish.declarations}
fn pixel(at: u32, channel: u32) -> ${vector} { return ${
      isPlain
        ? `bytes(x[at + channel]${signed})`
        : `${vector}(${spread(isWhole)
            .map((load) => code.scaled(`(${load}${less})`))
            .join(', ')})`
    }; }
fn weight(at: u32) -> ${vector} { return ${
      isWhole
        ? 'bytes(w[at])'
        : `${vector}(${times(4, (j) => code.scaled(`w_load(at + ${j}u)`)).join(', ')})`
    }${weightZero === 0 ? '' : ` - vec4(${code.scaled('params.w_zero')})`}; }`,
    outside: `vec4(${code.scaled(finish.outside('image'))})`,
    ready: `let four = channel${isWhole ? '' : ' / 4u'}; let begin = starts[four]; ${finish.ready('four')}`,
    result: (sum) => finish.result(code.whole(sum), 'image'),
  };
}

function tapsOf({ weights }: ByteProduct['product']): number {
  const [, height, width] = weights.type.shape as Shape4;
  return height * width;
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
    const isWhole = outputs % 4 === 0;
    const isPlain = isWhole && channels === outputs;
    const how = { isWhole, isPlain };
    const sums = bytes === null ? floatSums(emit, site, how) : byteSums(emit, bytes, how);
    const { vector, outside } = sums;
    // What outputs and weights, and what the input's channels, are counted in.
    const unit = isWhole ? 4 : 1;
    const inUnit = isPlain ? 4 : 1;
    const across = Math.ceil(outW / COLUMNS);
    const fours = Math.ceil(outputs / 4);
    const invocations = images * outH * across * fours;
    const place = (column: number, tap: number) => column * columns.stride + tap * columns.dilation;
    const places = [
      ...new Set(times(COLUMNS, (column) => times(width, (tap) => place(column, tap))).flat()),
    ];
    const store = isWhole
      ? 'y_store(to, v);'
      : LANES.map(
          (lane, j) => `if (channel + ${j}u < params.outputs) { y_store(to + ${j}u, v.${lane}); }`,
        ).join(' ');
    emitNarrowed(emit, output, isWhole, (y) =>
      emit.run({
        label: 'DEPTHWISE_CONV_2D',
        bindings: { ...sums.bindings, y: writes(y, unit) },
        params: {
          invocations: u32(invocations),
          in_h: i32(inH),
          in_w: i32(inW),
          channels: u32(channels / inUnit),
          multiplier: u32(outputs / channels),
          outputs: u32(outputs / unit),
          fours: u32(fours),
          out_h: u32(outH),
          out_w: u32(outW),
          across: u32(across),
          window_h: u32(height),
          stride_h: i32(rows.stride),
          dilation_h: i32(rows.dilation),
          pad_top: i32(rows.before),
          pad_left: i32(columns.before),
          ...sums.params,
        },
        grid: { invocations },
        arithmetic: bytes === null ? 'float32' : 'int8',
        multiplyAdds: count(output.type.shape) * height * width,
        declarations: sums.declarations,
        body: `
if (index >= params.invocations) { return; }
let channel = index % params.fours${isWhole ? '' : ' * 4u'};
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
  let has_row = (row >= 0) & (row < params.in_h);
  ${outside === null ? 'if (!has_row) { continue; }' : ''}
  let begin = (i32(image) * params.in_h + clamp(row, 0, params.in_h - 1)) * params.in_w;
  let weights = tap * ${width}u * params.outputs + channel;
  ${times(width, (at) => `let w${at} = weight(weights + ${at}u * params.outputs);`).join('\n  ')}
  ${places
    .map((at) => {
      const inside = `has_row & (left + ${at} >= 0) & (left + ${at} < params.in_w)`;
      const load = `pixel(u32(begin + clamp(left + ${at}, 0, params.in_w - 1)) * params.channels, channel)`;
      return `let x${at} = select(${outside ?? `${vector}()`}, ${load}, ${inside});`;
    })
    .join('\n  ')}
  ${times(COLUMNS, (at) => times(width, (tap) => `s${at} += x${place(at, tap)} * w${tap};`).join(' ')).join('\n  ')}
}
${sums.ready}
var to = ((image * params.out_h + line) * params.out_w + column) * params.outputs + channel;
${times(
  COLUMNS,
  (at) =>
    `if (column + ${at}u < params.out_w) { let v = ${sums.result(`s${at}`)}; ${store} } to += params.outputs;`,
).join('\n')}`,
      }),
    );
  },
};
