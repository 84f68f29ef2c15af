import { formatType, LinnetError, UNKNOWN_DIM } from '@linnet/schema';
import type { ArrayValue, TensorInfo } from '../../entry-point.js';
import { badSample, type Origin, toInput } from '../sample.js';
import { decodePicture } from './decode.js';
import { imageKind } from './header.js';
import { type Preprocess, RAW_PIXELS } from './preprocess.js';
import { type RgbPixels, resample } from './resample.js';

/** Luma of RGB. Source: ITU-R BT.601, as libjpeg and Pillow use it. */
const LUMA = [0.299, 0.587, 0.114];

/** Turns encoded pictures into values for a model's input. */
export class ImageReader {
  /** @param preprocess needed for inputs of floats; uint8 inputs take pixels as they are without */
  constructor(readonly preprocess: Preprocess | undefined) {}

  /** Whether the bytes are those of a picture. */
  recognizes(bytes: Uint8Array): boolean {
    return imageKind(bytes) !== undefined;
  }

  /**
   * @param info an input of 1 (grey) or 3 channels, channels first or last
   * @throws LinnetError INVALID_ARGUMENT that names the file when the picture cannot be read or the
   *   input takes none
   */
  async toInput(info: TensorInfo, bytes: Uint8Array, origin: Origin): Promise<ArrayValue> {
    const frame = frameOf(info);
    const preprocess = this.#preprocessFor(info);
    const [height, width] = preprocess.resize ?? [frame.height, frame.width];
    if (height === UNKNOWN_DIM || width === UNKNOWN_DIM) {
      throw new LinnetError(
        'INVALID_ARGUMENT',
        `${info.name} is ${formatType(info)}: it takes pictures of any size`,
        { tensor: info.name },
        ['Say which, for example with --preprocess resize:224.'],
      );
    }
    const picture = await decodePicture(bytes).catch((error: unknown) => {
      if (!(error instanceof LinnetError)) throw error;
      throw badSample(origin, error.message, error.notes, error);
    });
    const pixels = resample(picture, { width, height }, preprocess.fit, preprocess.crop);
    const channels = frame.channels === 1 ? [grey(pixels)] : split(pixels, preprocess.channels);
    const values = arrange(channels, frame.isChannelsFirst, (value, channel) => {
      const mean = preprocess.mean[channel] ?? (preprocess.mean[0] as number);
      const std = preprocess.std[channel] ?? (preprocess.std[0] as number);
      return ((value - mean) * preprocess.scale) / std;
    });
    const shape = frame.isChannelsFirst
      ? [frame.channels, height, width]
      : [height, width, frame.channels];
    if (info.dtype !== 'uint8') {
      return toInput(info, { dtype: 'float32', shape, data: values }, origin);
    }
    // Rounds half to even and saturates.
    const data = new Uint8Array(Uint8ClampedArray.from(values).buffer);
    return toInput(info, { dtype: 'uint8', shape, data }, origin);
  }

  #preprocessFor(info: TensorInfo): Preprocess {
    if (this.preprocess !== undefined) return this.preprocess;
    if (info.dtype === 'uint8') return RAW_PIXELS;
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `${info.name} is ${info.dtype}, and nothing says how pixels of 0 to 255 become its numbers`,
      { tensor: info.name },
      [
        'Say it with --preprocess, as the model was trained: mean:127.5,std:127.5 for -1 to 1,',
        'scale:1/255 for 0 to 1, scale:1 for 0 to 255.',
      ],
    );
  }
}

interface Frame {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly isChannelsFirst: boolean;
}

function frameOf(info: TensorInfo): Frame {
  const [, ...dims] = info.shape;
  const takesPixels = info.dtype.startsWith('float') || info.dtype === 'uint8';
  const isChannels = (dim: number | undefined): dim is 1 | 3 => dim === 1 || dim === 3;
  const [a = 0, b = 0, c = 0] = dims;
  if (takesPixels && dims.length === 3) {
    if (isChannels(c)) return { height: a, width: b, channels: c, isChannelsFirst: false };
    if (isChannels(a)) return { height: b, width: c, channels: a, isChannelsFirst: true };
  }
  throw new LinnetError(
    'INVALID_ARGUMENT',
    `${info.name} is ${formatType(info)}, which is no picture`,
    { tensor: info.name },
    ['Pictures are float or uint8 of shape [batch, height, width, 1 or 3], or channels first.'],
  );
}

/** One plane per channel. */
type Planes = readonly Float32Array[];

function split({ data, width, height }: RgbPixels, channels: Preprocess['channels']): Planes {
  const order = channels === 'rgb' ? [0, 1, 2] : [2, 1, 0];
  return order.map((from) =>
    Float32Array.from({ length: width * height }, (_, i) => data[i * 3 + from] as number),
  );
}

function grey({ data, width, height }: RgbPixels): Float32Array {
  const [r, g, b] = LUMA as [number, number, number];
  return Float32Array.from(
    { length: width * height },
    (_, i) =>
      r * (data[i * 3] as number) +
      g * (data[i * 3 + 1] as number) +
      b * (data[i * 3 + 2] as number),
  );
}

function arrange(
  planes: Planes,
  isChannelsFirst: boolean,
  change: (value: number, channel: number) => number,
): Float32Array<ArrayBuffer> {
  const length = (planes[0] as Float32Array).length;
  const out = new Float32Array(planes.length * length);
  planes.forEach((plane, channel) => {
    const [start, step] = isChannelsFirst ? [channel * length, 1] : [channel, planes.length];
    for (let i = 0; i < length; i++) {
      out[start + i * step] = change(plane[i] as number, channel);
    }
  });
  return out;
}
