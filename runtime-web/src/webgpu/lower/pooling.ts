/** Pooling of NHWC images. */
import type { OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { imageAxes } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { reads, i32 as signed, u32, writes } from '../wgsl/kernel.js';
import type { IntegerShaders } from './integers.js';
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

export type Pooling = 'AVERAGE_POOL_2D' | 'MAX_POOL_2D' | 'L2_POOL_2D';

/** Elements outside the image do not count. An invocation computes four channels where they are whole fours. */
function pooling(row: Row, integers: IntegerShaders | null): Lowering<Pooling> {
  /** The limits of the bytes that a site takes and gives; null where it does not. */
  const limitsOf = (site: LowerSite<Pooling>) =>
    row.bytes === null ? null : (integers?.pooledRange(site) ?? null);
  return {
    supports: (site) => isFloat(site) || limitsOf(site) !== null,
    lower(site, emit) {
      const [input, output] = [inputOf(site, 0), outputOf(site)];
      const { options } = site;
      const [, inH, inW, channels] = input.type.shape as Shape4;
      const [, outH, outW] = output.type.shape as Shape4;
      const window = [options.filterHeight, options.filterWidth] as const;
      const [rows, columns] = imageAxes(input.type.shape, output.type.shape, window, options);
      const width = channels % 4 === 0 ? 4 : 1;
      const limits = limitsOf(site);
      const { first, last } = (limits && row.bytes) ?? row;
      const element = limits === null ? 'f32' : 'i32';
      const type = width === 4 ? `vec4<${element}>` : element;
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
            ...(limits && { low: signed(limits.low), high: signed(limits.high) }),
          },
          grid: { invocations },
          declarations:
            limits === null
              ? activationFunction(activationOf(site), type)
              : `fn activate(v: ${type}) -> ${type} { return clamp(v, ${type}(params.low), ${type}(params.high)); }`,
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

/** Given what integers take, for models that have some. */
export const poolingLowerings = (integers: IntegerShaders | null) =>
  ({
    AVERAGE_POOL_2D: pooling(
      {
        first: '0.0',
        step: 's + v',
        last: 's / n',
        // Half away from zero.
        bytes: { first: '0', last: '(s + sign(s) * (n / 2)) / n' },
      },
      integers,
    ),
    MAX_POOL_2D: pooling(
      {
        first: '-3.40282346e38',
        step: 'max(s, v)',
        last: 's',
        bytes: { first: '-128', last: 's' },
      },
      integers,
    ),
    L2_POOL_2D: pooling(
      {
        first: '0.0',
        step: 's + v * v',
        last: 'sqrt(s / n)',
        bytes: null,
      },
      integers,
    ),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
