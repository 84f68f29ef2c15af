/** Damage to files, the same for the same random numbers. */
import type { Random } from '../../../converter/dist/verify/random-inputs.js';
import type { Mutate } from './fuzz.js';

/** Values at which lengths, offsets, counts and dimensions overflow or change their sign. */
const EXTREMES = [
  ...[0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x1000000],
  ...[0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xfffffffc, 0xfffffffe, 0xffffffff],
];

const below = (random: Random, limit: number) => Math.floor(random() * limit);

function copyWith(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  if (copy.length > 0) change(copy);
  return copy;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** A stretch of at most 64 bytes. */
function stretch(bytes: Uint8Array, random: Random): readonly [from: number, to: number] {
  const from = below(random, bytes.length);
  return [from, Math.min(bytes.length, from + 1 + below(random, 64))];
}

const MUTATIONS: readonly Mutate[] = [
  function flipBit(bytes, random) {
    return copyWith(bytes, (copy) => {
      copy[below(random, copy.length)]! ^= 1 << below(random, 8);
    });
  },
  function replaceByte(bytes, random) {
    return copyWith(bytes, (copy) => {
      copy[below(random, copy.length)] = below(random, 256);
    });
  },
  function replaceWord(bytes, random) {
    return copyWith(bytes, (copy) => {
      const words = Math.floor(copy.length / 4);
      if (words === 0) return;
      const value = EXTREMES[below(random, EXTREMES.length)] as number;
      new DataView(copy.buffer).setUint32(4 * below(random, words), value, true);
    });
  },
  function nudgeWord(bytes, random) {
    return copyWith(bytes, (copy) => {
      const words = Math.floor(copy.length / 4);
      if (words === 0) return;
      const [view, at] = [new DataView(copy.buffer), 4 * below(random, words)];
      view.setInt32(at, view.getInt32(at, true) + below(random, 9) - 4, true);
    });
  },
  function truncate(bytes, random) {
    return bytes.slice(0, below(random, bytes.length));
  },
  function remove(bytes, random) {
    const [from, to] = stretch(bytes, random);
    return join(bytes.subarray(0, from), bytes.subarray(to));
  },
  function repeat(bytes, random) {
    const [from, to] = stretch(bytes, random);
    return join(bytes.subarray(0, to), bytes.subarray(from));
  },
  function splice(bytes, random, other) {
    const [from, to] = stretch(other, random);
    return copyWith(bytes, (copy) => {
      const at = below(random, copy.length);
      copy.set(other.subarray(from, to).subarray(0, copy.length - at), at);
    });
  },
];

/** Applies one to four mutations; `other` is where spliced bytes come from. */
export function mutateBytes(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  let result = bytes;
  for (let left = 1 + below(random, 4); left > 0; left--) {
    const mutation = MUTATIONS[below(random, MUTATIONS.length)] as Mutate;
    result = mutation(result, random, other);
  }
  return result;
}
