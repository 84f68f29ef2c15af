/** Pictures as inputs: what they are, and their numbers without a GPU. */

import type { Quantization } from '@linnet/schema';
import { LinnetError } from '../base.js';
import type { GpuTexture, OutsidePicture } from './platform.js';
import type { TensorInfo } from './tensor.js';

/** What browsers show pictures by; on WebGPU also a texture of the model's device. */
export type PictureSource = OutsidePicture | GpuTexture;

/**
 * A picture for an input of shape [1, height, width, channels] with 1 (luminance), 3 or 4 channels,
 * of float32, int8 or uint8: cropped, resized bilinearly to the input's size, and each channel's value
 * from 0 to 255 turned into (value - mean) / std, which a quantized input then has quantized.
 */
export interface PictureInput {
  readonly picture: PictureSource;
  /** Pixels of the picture that count; all by default. */
  readonly crop?: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
  };
  /** One for all channels, or one for each; 0 by default. */
  readonly mean?: number | readonly number[];
  /** One for all channels, or one for each; 1 by default. */
  readonly std?: number | readonly number[];
}

/** How a picture becomes an input's elements: element = value * scale + shift, by channel. */
export interface PicturePlan {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly crop: NonNullable<PictureInput['crop']>;
  readonly size: readonly [width: number, height: number];
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

/** @throws LinnetError of code INVALID_ARGUMENT for inputs that no picture fits */
export function planPicture(
  input: TensorInfo,
  quantization: Quantization | undefined,
  { picture, crop, mean = 0, std = 1 }: PictureInput,
): PicturePlan {
  const [images, height, width, channels] = input.shape as readonly [
    number,
    number,
    number,
    number,
  ];
  const isImage =
    input.shape.length === 4 && [1, -1].includes(images) && [1, 3, 4].includes(channels);
  const dtypes: readonly string[] = ['float32', 'int8', 'uint8'];
  if (!isImage || height < 1 || width < 1 || !dtypes.includes(input.dtype)) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `Input "${input.name}" takes ${input.dtype}[${input.shape.join()}], which no picture fits.`,
      { tensor: input.name },
      ['Pictures are for [1, height, width, 1, 3 or 4] of float32, int8 or uint8.'],
    );
  }
  const size = sizeOf(picture);
  const each = (value: number | readonly number[]) =>
    Array.from({ length: channels }, (_, k) =>
      typeof value === 'number' ? value : (value[k] ?? Number.NaN),
    );
  const [means, stds] = [each(mean), each(std)];
  if ([...means, ...stds].some(Number.isNaN) || stds.includes(0)) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `Input "${input.name}" has ${channels} channels: mean and std take one number or ${channels}, std none that is 0.`,
      { tensor: input.name },
    );
  }
  const affine = quantization?.kind === 'affine' ? quantization : null;
  const step = affine?.scale[0] ?? 1;
  const zero = affine?.zeroPoint[0] ?? 0;
  return {
    height,
    width,
    channels,
    crop: crop ?? { left: 0, top: 0, width: size[0], height: size[1] },
    size,
    scale: stds.map((s) => 1 / (s * step)),
    shift: means.map((m, k) => zero - m / ((stds[k] as number) * step)),
  };
}

function sizeOf(picture: PictureSource): [width: number, height: number] {
  if ('displayWidth' in picture) return [picture.displayWidth, picture.displayHeight];
  if ('videoWidth' in picture) return [picture.videoWidth, picture.videoHeight];
  if ('naturalWidth' in picture) return [picture.naturalWidth, picture.naturalHeight];
  return [picture.width, picture.height];
}

/** Weights of red, green and blue in luminance. Source: ITU-R BT.601. */
export const LUMINANCE = [0.299, 0.587, 0.114] as const;

/**
 * A picture's elements as the bytes of an input, drawn by the browser.
 *
 * @throws LinnetError of code INVALID_ARGUMENT for a texture, ENVIRONMENT without canvases
 */
export function drawPicture(picture: PictureSource, plan: PicturePlan, dtype: string): Uint8Array {
  if ('createView' in picture) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      'A texture was given to a model that does not run on WebGPU.',
    );
  }
  if (typeof OffscreenCanvas === 'undefined') {
    throw new LinnetError('ENVIRONMENT', 'There are no pictures without a browser.');
  }
  const { width, height, channels, crop, scale, shift } = plan;
  const context = new OffscreenCanvas(width, height).getContext(
    '2d',
  ) as OffscreenCanvasRenderingContext2D;
  const source = picture instanceof ImageData ? toCanvas(picture) : picture;
  context.drawImage(source, crop.left, crop.top, crop.width, crop.height, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const array = { float32: Float32Array, int8: Int8Array, uint8: Uint8ClampedArray }[dtype];
  const elements = new (array ?? Float32Array)(width * height * channels);
  const [low, high] = dtype === 'int8' ? [-128, 127] : [-Infinity, Infinity];
  for (let pixel = 0; pixel < width * height; pixel++) {
    const rgba = data.subarray(4 * pixel, 4 * pixel + 4);
    for (let k = 0; k < channels; k++) {
      const value =
        channels === 1
          ? LUMINANCE.reduce((sum, weight, c) => sum + weight * (rgba[c] as number), 0)
          : (rgba[k] as number);
      const element = value * (scale[k] as number) + (shift[k] as number);
      elements[channels * pixel + k] =
        dtype === 'float32' ? element : Math.min(Math.max(Math.round(element), low), high);
    }
  }
  return new Uint8Array(elements.buffer);
}

function toCanvas(data: ImageData): OffscreenCanvas {
  const canvas = new OffscreenCanvas(data.width, data.height);
  canvas.getContext('2d')?.putImageData(data, 0, 0);
  return canvas;
}
