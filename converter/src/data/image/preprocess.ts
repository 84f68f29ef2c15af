import { LinnetError } from '@linnet/schema';

/** How the picture meets the size: distorted, its middle cut out, or with black borders. */
export type Fit = 'stretch' | 'crop' | 'pad';

/**
 * What happens to a picture before a model sees it: its middle is cut out, it is resized, and each
 * pixel of 0 to 255 becomes (pixel - mean) * scale / std.
 */
export interface Preprocess {
  /** Height and width in pixels; null for those of the model's input. */
  readonly resize: readonly [height: number, width: number] | null;
  readonly fit: Fit;
  /** The share of each side that is kept, over 0 up to 1. */
  readonly crop: number;
  /** One number, or one per channel in the order of `channels`; in units of 0 to 255. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly scale: number;
  readonly channels: 'rgb' | 'bgr';
}

/** Leaves pixels at 0 to 255, at the size of the model's input. */
export const RAW_PIXELS: Preprocess = {
  resize: null,
  fit: 'stretch',
  crop: 1,
  mean: [0],
  std: [1],
  scale: 1,
  channels: 'rgb',
};

/** How the value of each key is read; throws a message that says what was expected. */
const KEYS: { readonly [K in keyof Preprocess]: (text: string) => Preprocess[K] } = {
  resize: toSize,
  fit: oneOf(['stretch', 'crop', 'pad']),
  crop: inRange(0, 1),
  mean: perChannel(() => true, 'numbers'),
  std: perChannel((value) => value !== 0, 'numbers other than 0'),
  scale: inRange(0, Number.POSITIVE_INFINITY),
  channels: oneOf(['rgb', 'bgr']),
};

/** Pixels on a side; larger inputs than this are a slip. */
const MAX_SIDE = 16384;

/**
 * Reads a text such as `resize:224,fit:crop,mean:127.5,std:127.5`.
 *
 * | key | value | without it |
 * | --- | --- | --- |
 * | `resize` | `224`, or `height`x`width` | the size of the model's input |
 * | `fit` | `stretch`, `crop` (cut the middle out) or `pad` (black borders) | `stretch` |
 * | `crop` | share of each side to keep, such as `0.875`, before resizing | `1` |
 * | `mean`, `std` | a number, or one per channel: `123.68:116.78:103.94` | `0`, `1` |
 * | `scale` | a number or a fraction such as `1/127.5` | `1` |
 * | `channels` | `rgb` or `bgr` | `rgb` |
 *
 * Resizing is bilinear and takes all pixels into account when it shrinks. A pixel of 0 to 255
 * becomes (pixel - mean) * scale / std.
 *
 * @throws LinnetError INVALID_ARGUMENT for an unknown or repeated key, or a value that cannot be
 */
export function parsePreprocess(text: string): Preprocess {
  const settings: Partial<Record<keyof Preprocess, unknown>> = {};
  for (const part of text.split(',')) {
    const split = part.indexOf(':');
    const key = (split < 0 ? part : part.slice(0, split)).trim();
    const value = split < 0 ? '' : part.slice(split + 1).trim();
    if (!Object.hasOwn(KEYS, key)) {
      const expected = `one of ${Object.keys(KEYS).join(', ')}, as in resize:224,mean:127.5,std:127.5`;
      throw invalid(text, `there is no key "${key}"`, expected);
    }
    const known = key as keyof Preprocess;
    if (Object.hasOwn(settings, known)) throw invalid(text, `${key} is there twice`, 'it once');
    try {
      settings[known] = KEYS[known](value);
    } catch (error) {
      throw invalid(text, `${key} is "${value}"`, (error as Error).message);
    }
  }
  return { ...RAW_PIXELS, ...(settings as Partial<Preprocess>) };
}

function invalid(text: string, found: string, expected: string): LinnetError {
  return new LinnetError('INVALID_ARGUMENT', `preprocess "${text}": ${found}`, {}, [
    `Expected ${expected}.`,
  ]);
}

function toNumber(text: string): number {
  return text === '' ? Number.NaN : Number(text);
}

function toSize(text: string): readonly [number, number] {
  const sides = text.split('x').map(toNumber);
  const [height = Number.NaN, width = height] = sides;
  const isSide = (side: number) => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE;
  if (sides.length > 2 || !isSide(height) || !isSide(width)) {
    throw new Error(`pixels as 224 or 240x320, at most ${MAX_SIDE}`);
  }
  return [height, width];
}

function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (text) => {
    if (choices.includes(text as T)) return text as T;
    throw new Error(`one of ${choices.join(', ')}`);
  };
}

function inRange(above: number, upTo: number): (text: string) => number {
  return (text) => {
    const [numerator, divisor, ...more] = text.split('/').map(toNumber);
    const value = (numerator ?? Number.NaN) / (divisor ?? 1);
    if (more.length === 0 && value > above && value <= upTo && value < Number.POSITIVE_INFINITY) {
      return value;
    }
    const limit = Number.isFinite(upTo) ? ` and at most ${upTo}` : '';
    throw new Error(`a number or a fraction over ${above}${limit}`);
  };
}

function perChannel(
  isValid: (value: number) => boolean,
  what: string,
): (text: string) => readonly number[] {
  return (text) => {
    const values = text.split(':').map(toNumber);
    const isCount = values.length === 1 || values.length === 3;
    if (isCount && values.every((value) => Number.isFinite(value) && isValid(value))) return values;
    throw new Error(`one or three ${what}, separated by colons`);
  };
}
