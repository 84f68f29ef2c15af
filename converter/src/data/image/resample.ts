import type { Picture } from './decode.js';
import type { Size } from './header.js';
import type { Fit } from './preprocess.js';

/** RGB planes interleaved: row-major [height, width, 3], 0 to 255. */
export interface RgbPixels extends Size {
  readonly data: Float32Array;
}

/**
 * Cuts out the middle, then resizes bilinearly with half-pixel centers. Where it shrinks, the filter
 * is as wide as the pixels it covers: tf.image.resize(..., 'bilinear', antialias=True), and Pillow's
 * BILINEAR but for rounding. Alpha is ignored.
 *
 * @param crop the share of each side that is kept
 */
export function resample(picture: Picture, target: Size, fit: Fit, crop: number): RgbPixels {
  const { width, height } = target;
  let region: Size = { width: picture.width * crop, height: picture.height * crop };
  let inner = target;
  const ratio = (region.width * height) / (region.height * width);
  if (fit === 'crop') {
    region =
      ratio > 1
        ? { ...region, width: region.width / ratio }
        : { ...region, height: region.height * ratio };
  } else if (fit === 'pad') {
    inner =
      ratio > 1
        ? { width, height: Math.max(1, Math.round(height / ratio)) }
        : { height, width: Math.max(1, Math.round(width * ratio)) };
  }
  const columns = taps(picture.width, region.width, inner.width);
  const rows = taps(picture.height, region.height, inner.height);
  const scaled = vertical(horizontal(picture, columns), inner.width, rows);
  return inner === target ? { ...target, data: scaled } : bordered(scaled, inner, target);
}

/** For each result the first source pixel and the weights of those from there on. */
type Taps = readonly { readonly first: number; readonly weights: Float64Array }[];

/** Taps that take the middle `region` of `length` source pixels to `count` results. */
function taps(length: number, region: number, count: number): Taps {
  const step = region / count;
  const offset = (length - region) / 2;
  const support = Math.max(1, step);
  return Array.from({ length: count }, (_, i) => {
    const center = offset + (i + 0.5) * step;
    const first = Math.max(0, Math.ceil(center - support - 0.5));
    const last = Math.min(length - 1, Math.floor(center + support - 0.5));
    const weights = new Float64Array(Math.max(1, last - first + 1));
    for (let k = 0; k < weights.length; k++) {
      weights[k] = Math.max(0, 1 - Math.abs((first + k + 0.5 - center) / support));
    }
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: sum > 0 ? weights.map((weight) => weight / sum) : weights.fill(1) };
  });
}

/** [height, columns, 3] from RGBA rows. */
function horizontal({ width, height, data }: Picture, columns: Taps): Float32Array {
  const out = new Float32Array(height * columns.length * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (const { first, weights } of columns) {
      let [r, g, b] = [0, 0, 0];
      let from = (y * width + first) * 4;
      for (let k = 0; k < weights.length; k++, from += 4) {
        const weight = weights[k] as number;
        r += weight * (data[from] as number);
        g += weight * (data[from + 1] as number);
        b += weight * (data[from + 2] as number);
      }
      out[at++] = r;
      out[at++] = g;
      out[at++] = b;
    }
  }
  return out;
}

/** [rows, width, 3] from rows of `width` pixels. */
function vertical(source: Float32Array, width: number, rows: Taps): Float32Array {
  const stride = width * 3;
  const out = new Float32Array(rows.length * stride);
  rows.forEach(({ first, weights }, y) => {
    for (let x = 0; x < stride; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) {
        sum += (weights[k] as number) * (source[(first + k) * stride + x] as number);
      }
      out[y * stride + x] = sum;
    }
  });
  return out;
}

/** The picture in the middle of a black one. */
function bordered(data: Float32Array, inner: Size, target: Size): RgbPixels {
  const out = new Float32Array(target.width * target.height * 3);
  const left = Math.floor((target.width - inner.width) / 2);
  const top = Math.floor((target.height - inner.height) / 2);
  const stride = inner.width * 3;
  for (let y = 0; y < inner.height; y++) {
    const row = data.subarray(y * stride, (y + 1) * stride);
    out.set(row, ((top + y) * target.width + left) * 3);
  }
  return { ...target, data: out };
}
