/** Depthwise convolution of float32 and of 8-bit integers. */
import { activationOf, activationRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import type { Product } from '../../lower/numerics.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { imageAxes } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { type Binding, i32, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { LANES, times } from '../wgsl/text.js';
import type { IntegerShaders } from './integers.js';
import { emitNarrowed } from './narrow.js';
import { isFloat, type Shape4 } from './product.js';
import { resident } from './weights.js';

/** Neighbours in a row of the output that share what they load. */
const COLUMNS = 4;

/** The widest window that is written out. */
const MAX_WINDOW = 16;

/** In which arithmetic taps are added up, and what becomes of the sums. */
export interface Sums {
  readonly vector: 'vec4<f32>' | 'vec4<i32>';
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly params: Readonly<Record<string, Param>>;
  /**
   * Functions `pixel(at: u32, channel: u32)` and `weight(at: u32)`: four channels of the pixel whose
   * first element is number `at`, from `channel` on, and four weights; by fours where channels are whole.
   */
  readonly declarations: string;
  /** Statements before the loops. */
  readonly prepare: string;
  /** What the input has outside the image; null: nothing that counts. */
  readonly outside: string | null;
  /** Statements once all is added up. */
  readonly ready: string;
  result(sum: string): string;
}

type Site = LowerSite<'DEPTHWISE_CONV_2D'>;

/** How channels lie: fours of outputs, and whether each comes of the channel of its own number. */
export interface Channels {
  readonly isWhole: boolean;
  readonly isPlain: boolean;
  /** Four loads of `x` from `at` on, where channels are not plain. */
  readonly singles: readonly string[];
}

function floatSums(emit: Emitter, site: Site, { isWhole, isPlain, singles }: Channels): Sums {
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
      isPlain ? 'x_load(at + channel)' : `${vector}(${singles.join(', ')})`
    }; }
fn weight(at: u32) -> ${vector} { return ${fourOf('w', 'at')}; }`,
    prepare: '',
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

/** What numericsOf asks of a depthwise convolution. */
function productOf(site: Site): Product | null {
  const activation = activationRange(activationOf(site));
  return (
    activation && {
      input: inputOf(site, 0),
      weights: inputOf(site, 1),
      bias: site.inputs[2] ?? null,
      output: outputOf(site),
      activation,
      channelAxis: 3,
      units: inputOf(site, 0).type.shape[0] as number,
    }
  );
}

/**
 * Input NHWC, weights [1, height, width, outputs], `outputs` a multiple of the channels. An invocation
 * computes four channels of four neighbours in a row: the input under a row of their windows and the
 * weights are loaded once for all four. Columns of the window are written out in the text.
 */
export const depthwise = (integers: IntegerShaders | null): Lowering<'DEPTHWISE_CONV_2D'> => ({
  supports: (site) =>
    (isFloat(site) || integers?.operands(productOf(site)) != null) &&
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
    const bytes = integers?.operands(productOf(site)) ?? null;
    const isWhole = outputs % 4 === 0;
    const isPlain = isWhole && channels === outputs;
    const how = { isWhole, isPlain, singles: spread(isWhole) };
    const sums =
      integers && bytes ? integers.depthwiseSums(emit, bytes, how) : floatSums(emit, site, how);
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
${sums.prepare}
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
});
