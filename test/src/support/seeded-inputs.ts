import { elementCount, UNKNOWN_DIM } from '@linnet/schema';
import type { TensorInfo } from '../../../converter/dist/entry-point.js';
import {
  type Random,
  randomInputs,
  seededRandom,
} from '../../../converter/dist/verify/random-inputs.js';
import type { Elements, ElementsByName } from './outputs.js';

const WORDS = ['', 'a', 'linnet', 'größe', '\u0000'];

/**
 * Inputs for a signature that are the same for equal seeds; unknown dimensions are 1. Integers
 * beyond 8 bits, mostly indices and counts, are 0 or 1.
 */
export function seededInputs(infos: readonly TensorInfo[], seed: number): ElementsByName {
  const random = seededRandom(seed);
  return Object.assign(
    {},
    ...infos.map((info) =>
      info.dtype === 'string'
        ? { [info.name]: words(info, random) }
        : withSmallIntegers(randomInputs([info], random)),
    ),
  );
}

function withSmallIntegers(inputs: ElementsByName): ElementsByName {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [
      name,
      { ...value, data: smallIntegers(value.data) },
    ]),
  );
}

function smallIntegers(data: Elements['data']): Elements['data'] {
  if (data instanceof BigInt64Array) return data.map((x) => x & 1n);
  return data instanceof Int32Array ? data.map((x) => x & 1) : data;
}

function words({ shape }: TensorInfo, random: Random): ElementsByName[string] {
  const known = shape.map((dim) => (dim === UNKNOWN_DIM ? 1 : dim));
  const encoder = new TextEncoder();
  const data = Array.from({ length: elementCount(known) ?? 0 }, () =>
    encoder.encode(WORDS[Math.floor(random() * WORDS.length)]),
  );
  return { dtype: 'string', shape: known, data };
}
