/** Pooling of NHWC images. */
import type { OpName } from '@linnet/schema';
import { activationOf, activationRange, quantizedRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { perTensor } from '../../lower/quantization.js';
import { imageAxes } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { type Kernel, reads, i32 as signed, u32, writes } from '../wgsl/kernel.js';
import { emitNarrowed } from './narrow.js';
import { isFloat, type Shape4 } from './product.js';

interface Row {
  /** What the result of a window begins with. */
  readonly first: string;
  /** The next result from the last, `s`, and an element, `v`. */
  readonly step: string;
  /** What becomes of the result; the window has `n` elements. */
  readonly last: string;
  /** The first and last of 8-bit integers, which are pooled as they are; null: they are not. */
  readonly bytes: Pick<Row, 'first' | 'last'> | null;
}

type Pooling = 'AVERAGE_POOL_2D' | 'MAX_POOL_2D' | 'L2_POOL_2D';

/** Whether the bytes of one quantization go in and out. */
function isBytes(site: LowerSite<Pooling>, { bytes }: Row): boolean {
  const [from, to] = [inputOf(site, 0).type, outputOf(site).type];
  const isByte = from.dtype === 'int8' || from.dtype === 'uint8';
  return (
    bytes !== null &&
    isByte &&
    perTensor(from) !== null &&
    sameElements(from, to) &&
    !to.shape.includes(0) &&
    activationRange(activationOf(site)) !== null
  );
}

/** The function `activate` of a window's result. */
function finishCode(
  site: LowerSite<Pooling>,
  type: string,
): Pick<Kernel, 'declarations' | 'params'> {
  const quantization = perTensor(outputOf(site).type);
  const range = activationRange(activationOf(site));
  if (quantization === null || range === null) {
    return { declarations: activationFunction(activationOf(site), type), params: {} };
  }
  const { low, high } = quantizedRange(range, quantization);
  return {
    declarations: `fn activate(v: ${type}) -> ${type} { return clamp(v, ${type}(params.low), ${type}(params.high)); }`,
    params: { low: signed(low), high: signed(high) },
  };
}

/** Elements outside the image do not count. An invocation computes four channels where they are whole fours. */
function pooling(row: Row): Lowering<Pooling> {
  return {
    supports: (site) => isFloat(site) || isBytes(site, row),
    lower(site, emit) {
      const [input, output] = [inputOf(site, 0), outputOf(site)];
      const { options } = site;
      const [, inH, inW, channels] = input.type.shape as Shape4;
      const [, outH, outW] = output.type.shape as Shape4;
      const window = [options.filterHeight, options.filterWidth] as const;
      const [rows, columns] = imageAxes(input.type.shape, output.type.shape, window, options);
      const width = channels % 4 === 0 ? 4 : 1;
      const bytes = isBytes(site, row) ? row.bytes : null;
      const { first, last } = bytes ?? row;
      const element = bytes === null ? 'f32' : 'i32';
      const type = width === 4 ? `vec4<${element}>` : element;
      const finish = finishCode(site, type);
      const invocations = count(output.type.shape) / width;
      emitNarrowed(emit, output, width === 4, (y) =>
        emit.run({
          label: site.op,
          bindings: { x: reads(input, width), y: writes(y, width) },
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
            ...finish.params,
          },
          grid: { invocations },
          declarations: finish.declarations,
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
var s = ${type}(${first});
for (var y = max(top, 0); y < bottom; y++) {
  for (var x = max(left, 0); x < right; x++) {
    let v = x_load(u32((image + y) * params.in_w + x) * params.channels + channel);
    s = ${row.step};
  }
}
let n = ${element}(max(bottom - max(top, 0), 0) * max(right - max(left, 0), 0));
y_store(index, activate(${last}));`,
        }),
      );
    },
  };
}

export const POOLING_LOWERINGS = {
  AVERAGE_POOL_2D: pooling({
    first: '0.0',
    step: 's + v',
    last: 's / n',
    // Half away from zero.
    bytes: { first: '0', last: '(s + sign(s) * (n / 2)) / n' },
  }),
  MAX_POOL_2D: pooling({
    first: '-3.40282346e38',
    step: 'max(s, v)',
    last: 's',
    bytes: { first: '-128', last: 's' },
  }),
  L2_POOL_2D: pooling({
    first: '0.0',
    step: 's + v * v',
    last: 'sqrt(s / n)',
    bytes: null,
  }),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
