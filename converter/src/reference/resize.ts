import { offsets, pick, stridesOf } from './indexing.js';
import type { ReferenceFamily } from './kernel.js';
import { fromReals, reals, required } from './values.js';

interface Mode {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Input elements per output element; float32, as sampling positions are defined. */
function scaleOf(input: number, output: number, { alignCorners }: Mode): number {
  return alignCorners && output > 1
    ? Math.fround((input - 1) / (output - 1))
    : Math.fround(input / output);
}

/** For each output position: the two neighbouring input positions and the weight of the second. */
function bilinearTaps(input: number, output: number, mode: Mode) {
  const scale = scaleOf(input, output, mode);
  return Array.from({ length: output }, (_, i) => {
    const position = mode.halfPixelCenters
      ? Math.fround(Math.fround(Math.fround(i + 0.5) * scale) - 0.5)
      : Math.fround(i * scale);
    const low = Math.max(Math.floor(position), 0);
    const high = Math.min(Math.ceil(position), input - 1);
    return { low, high, weight: position - low };
  });
}

/** The same for int16, in 1 / 1024. Source: ComputeInterpolationValuesInteger of TFLite. */
function wordTaps(input: number, output: number, { alignCorners, halfPixelCenters }: Mode) {
  const [from, to] = alignCorners && output > 1 ? [input - 1, output - 1] : [input, output];
  const scale = Math.floor((1024 * from + Math.floor(to / 2)) / to);
  return Array.from({ length: output }, (_, i) => {
    const position = (i * scale + (halfPixelCenters ? Math.floor(scale / 2) - 512 : 0)) / 1024;
    const low = Math.max(Math.floor(position), 0);
    return {
      low,
      high: Math.min(Math.max(Math.ceil(position), 0), input - 1),
      weight: position - low,
    };
  });
}

function nearest(input: number, output: number, mode: Mode): number[] {
  const scale = scaleOf(input, output, mode);
  const offset = mode.halfPixelCenters ? 0.5 : 0;
  return Array.from({ length: output }, (_, i) => {
    const position = Math.fround(Math.fround(i + offset) * scale);
    const rounded = mode.alignCorners ? Math.floor(position + 0.5) : Math.floor(position);
    return Math.max(Math.min(rounded, input - 1), 0);
  });
}

/** Both resize images of layout NHWC; align_corners and half_pixel_centers exclude each other. */
export const RESIZE: ReferenceFamily<'RESIZE_BILINEAR' | 'RESIZE_NEAREST_NEIGHBOR'> = {
  RESIZE_BILINEAR: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const data = reals(x);
    const [batch, height, width, depth] = outputs[0]!.shape as [number, number, number, number];
    const taps = x.dtype === 'int16' ? wordTaps : bilinearTaps;
    const rows = taps(x.shape[1]!, height, options);
    const columns = taps(x.shape[2]!, width, options);
    const [sn, sh, sw] = stridesOf(x.shape) as [number, number, number];
    const result = new Float64Array(batch * height * width * depth);
    let at = 0;
    for (let b = 0; b < batch; b++) {
      for (const row of rows) {
        for (const column of columns) {
          for (let c = 0; c < depth; c++) {
            const pixel = (y: number, x: number) => data[b * sn + y * sh + x * sw + c]!;
            const top =
              pixel(row.low, column.low) * (1 - column.weight) +
              pixel(row.low, column.high) * column.weight;
            const bottom =
              pixel(row.high, column.low) * (1 - column.weight) +
              pixel(row.high, column.high) * column.weight;
            result[at++] = top * (1 - row.weight) + bottom * row.weight;
          }
        }
      }
    }
    return [fromReals(outputs[0]!, result)];
  },

  RESIZE_NEAREST_NEIGHBOR: ({ inputs, outputs, options }) => {
    const x = required(inputs, 0);
    const { shape } = outputs[0]!;
    const rows = nearest(x.shape[1]!, shape[1]!, options);
    const columns = nearest(x.shape[2]!, shape[2]!, options);
    const depth = x.shape[3]!;
    const at = offsets(shape, [x.shape[1]! * x.shape[2]! * depth, 0, 0, 1]).map((offset, i) => {
      const column = Math.floor(i / depth) % shape[2]!;
      const row = Math.floor(i / (depth * shape[2]!)) % shape[1]!;
      return offset + (rows[row]! * x.shape[2]! + columns[column]!) * depth;
    });
    return [pick(x, outputs[0]!, at)];
  },
};
