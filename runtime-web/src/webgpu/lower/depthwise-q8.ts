/** Sums of depthwise convolutions of 8-bit integers. */
import type { Emitter } from '../lowering.js';
import { INTEGER_BYTES, realBytes } from '../wgsl/bytes.js';
import { array, i32, reads } from '../wgsl/kernel.js';
import { times } from '../wgsl/text.js';
import type { Channels, Sums } from './depthwise.js';
import type { Shape4 } from './product.js';
import { type ByteProduct, byteFinish, largestWeights, shiftOf, wholeSums } from './product-q8.js';

/** Products of bytes, unsigned ones less 128; the input's zero point is in what sums begin with. */
export function byteSums(
  emit: Emitter,
  bytes: ByteProduct,
  { isWhole, isPlain, singles }: Channels,
): Sums {
  const { product } = bytes;
  const [outputs, taps] = [product.weights.type.shape[3] as number, tapsOf(product)];
  const images = product.input.type.shape[0] as number;
  const code = realBytes(emit.traits, 128 * 255 * taps) ?? INTEGER_BYTES;
  const { vector } = code;
  const { type, whole } = wholeSums(code, bytes, largestWeights(bytes, true));
  const finish = byteFinish(emit, bytes, outputs, images, 'image', type);
  const { input, start } = finish;
  const inputShift = shiftOf(input.type.dtype);
  const shift = shiftOf(product.weights.type.dtype);
  const weightZero = bytes.zero - shift;
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
        : `${vector}(${singles.map((load) => code.scaled(`(${load}${less})`)).join(', ')})`
    }; }
fn weight(at: u32) -> ${vector} { return ${
      isWhole
        ? 'bytes(w[at])'
        : `${vector}(${times(4, (j) => code.scaled(`w_load(at + ${j}u)`)).join(', ')})`
    }${weightZero === 0 ? '' : ` - vec4(${code.scaled('params.w_zero')})`}; }`,
    prepare: `${finish.prepare} let outside = ${vector}(${code.scaled(finish.outside('image'))});`,
    outside: 'outside',
    ready: `let four = channel${isWhole ? '' : ' / 4u'}; let begin = vec4<${type}>(starts[four]); ${finish.ready('four')}`,
    result: (sum) => finish.result(whole(sum), 'image'),
  };
}

function tapsOf({ weights }: ByteProduct['product']): number {
  const [, height, width] = weights.type.shape as Shape4;
  return height * width;
}
