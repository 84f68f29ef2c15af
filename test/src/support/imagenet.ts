/** Real pictures for ImageNet nets, in ../shared/images. */
import { readFileSync } from 'node:fs';
import { shared } from './paths.js';

export const PICTURES = { cat: 286, grace_hopper: 653 } as const;

export type Picture = keyof typeof PICTURES;

/** Pixels of a picture resized to 224x224, RGB. */
export function pixels(picture: Picture): Uint8Array {
  return new Uint8Array(readFileSync(shared(`images/${picture}_224.rgb`)));
}

/** What the float nets take: -1 to 1. */
export function normalized(rgb: Uint8Array): Float32Array {
  return Float32Array.from(rgb, (value) => (value - 128) / 128);
}

/** Every pixel that a smaller net sees of a 224x224 picture: the nearest one. */
export function shrunk(rgb: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from =
        224 * Math.floor(((y + 0.5) * 224) / size) + Math.floor(((x + 0.5) * 224) / size);
      result.set(rgb.subarray(3 * from, 3 * from + 3), 3 * (y * size + x));
    }
  }
  return result;
}
