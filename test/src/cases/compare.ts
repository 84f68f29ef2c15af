import { float16ToFloat32 } from '@linnet/runtime-web';
import type { Value } from './build.js';
import type { Tolerance } from './spec.js';

/** What is wrong with an output, or null. Quantized integers may be some steps off, others not. */
export function difference(
  actual: Value,
  expected: Value,
  tolerance: Tolerance,
  isQuantized: boolean,
): string | null {
  if (actual.dtype !== expected.dtype) return `dtype ${actual.dtype}, not ${expected.dtype}`;
  if (actual.data.length !== expected.data.length) {
    return `shape [${actual.shape}], not [${expected.shape}]`;
  }
  const [given, wanted] = [decoded(actual), decoded(expected)];
  const isFloat = expected.dtype.startsWith('float');
  const read = (data: Value['data'], i: number): number | bigint | string => {
    const element = data[i]!;
    if (element instanceof Uint8Array) return Buffer.from(element).toString('latin1');
    return element;
  };
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [read(given, i), read(wanted, i)];
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const error = Math.abs(Number(a) - Number(e));
    const limit = isFloat
      ? tolerance.absolute + tolerance.relative * Math.abs(Number(e))
      : isQuantized
        ? tolerance.steps
        : 0;
    if (!(error <= limit && Number.isFinite(limit))) return `element ${i} is ${a}, not ${e}`;
  }
  return null;
}

/** The elements; of float16, what the bits stand for. */
function decoded({ dtype, data }: Value): Value['data'] {
  return dtype === 'float16' ? float16ToFloat32(data as Uint16Array) : data;
}
