import type { Value } from './build.js';
import { float16Value } from './elements.js';
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
  const isFloat = expected.dtype.startsWith('float');
  const read = (data: Value['data'], i: number): number | bigint | string => {
    const element = data[i]!;
    if (element instanceof Uint8Array) return Buffer.from(element).toString('latin1');
    return expected.dtype === 'float16' ? float16Value(Number(element)) : element;
  };
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [read(actual.data, i), read(expected.data, i)];
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
