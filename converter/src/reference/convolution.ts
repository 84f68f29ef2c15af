import type { OptionsOf } from '@linnet/schema';
import type { ReferenceFamily, ReferenceKernel } from './kernel.js';
import { evaluateProduct, type Factors } from './product.js';
import { required, sizeOf } from './values.js';
import { type Axis, forEachTap, windowAxis } from './window.js';

/** Output shape and sums of a convolution of any number of spatial dimensions, here always three. */
interface Volume {
  readonly batch: number;
  readonly depth: Axis;
  readonly rows: Axis;
  readonly columns: Axis;
}

/** A dimension that 2-D convolutions lack. */
const FLAT: Axis = { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, before: 0 };

/** How windows of kh x kw over an NHWC image make another image. */
function imageVolume(
  from: readonly number[],
  to: readonly number[],
  kh: number,
  kw: number,
  options: Omit<OptionsOf<'CONV_2D'>, 'fusedActivationFunction' | 'quantizedBiasType'>,
): Volume {
  const { strideH, strideW, dilationHFactor, dilationWFactor, padding } = options;
  return {
    batch: to[0]!,
    depth: FLAT,
    rows: windowAxis(from[1]!, to[1]!, kh, strideH, dilationHFactor, padding),
    columns: windowAxis(from[2]!, to[2]!, kw, strideW, dilationWFactor, padding),
  };
}

/** Calls visit(output position, input position, tap), all flat, for every pair that meets. */
function forEachMeeting(
  { batch, depth, rows, columns }: Volume,
  visit: (output: number, input: number, tap: number) => void,
): void {
  let output = 0;
  for (let b = 0; b < batch; b++) {
    for (let z = 0; z < depth.output; z++) {
      for (let y = 0; y < rows.output; y++) {
        for (let x = 0; x < columns.output; x++, output++) {
          forEachTap(depth, z, (kz, iz) => {
            forEachTap(rows, y, (ky, iy) => {
              forEachTap(columns, x, (kx, ix) => {
                const input = ((b * depth.input + iz) * rows.input + iy) * columns.input + ix;
                visit(output, input, (kz * rows.kernel + ky) * columns.kernel + kx);
              });
            });
          });
        }
      }
    }
  }
}

/** Sums over taps and input channels; the strides say where the weight of (o, tap, c) lies. */
function convolve(
  volume: Volume,
  x: Factors,
  w: Factors,
  channels: Geometry['channels'],
  strides: Geometry['strides'],
  sums: Float64Array,
): Float64Array {
  const groups = channels.in / channels.perGroup;
  const outPerGroup = channels.out / groups;
  forEachMeeting(volume, (output, input, tap) => {
    for (let o = 0; o < channels.out; o++) {
      const from = input * channels.in + Math.floor(o / outPerGroup) * channels.perGroup;
      const weights = o * strides.out + tap * strides.tap;
      let total = 0;
      for (let c = 0; c < channels.perGroup; c++) {
        total += x[from + c]! * w[weights + c * strides.in]!;
      }
      sums[output * channels.out + o]! += total;
    }
  });
  return sums;
}

/** What tells one convolution from another: where windows lie, and where weights lie in memory. */
interface Geometry {
  readonly volume: Volume;
  readonly channels: { readonly in: number; readonly perGroup: number; readonly out: number };
  readonly strides: { readonly out: number; readonly tap: number; readonly in: number };
}

type Convolution = 'CONV_2D' | 'DEPTHWISE_CONV_2D' | 'CONV_3D';

/** Inputs: image, weights, bias or none. Each image of a batch is a unit of the hybrid form. */
function convolution<N extends Convolution>(
  geometryOf: (
    input: readonly number[],
    weights: readonly number[],
    output: readonly number[],
    options: OptionsOf<N>,
  ) => Geometry,
  hasHybrid: boolean,
): ReferenceKernel<N> {
  return ({ inputs, outputs, options }) => {
    const [input, weights] = [required(inputs, 0), required(inputs, 1)];
    const output = outputs[0]!;
    const { volume, channels, strides } = geometryOf(
      input.shape,
      weights.shape,
      output.shape,
      options,
    );
    return [
      evaluateProduct({
        input,
        weights,
        bias: inputs[2] ?? null,
        output,
        activation: (options as OptionsOf<Convolution>).fusedActivationFunction,
        hybridUnits: hasHybrid ? volume.batch : 0,
        sum: (x, w) =>
          convolve(volume, x, w, channels, strides, new Float64Array(sizeOf(output.shape))),
      }),
    ];
  };
}

/**
 * The gradient of a convolution: each input element spreads its products over the output. Inputs:
 * output shape, weights OHWI, input NHWC, bias. Padding is that of the convolution that would take
 * the output back to the input.
 */
const transposed: ReferenceKernel<'TRANSPOSE_CONV'> = ({ inputs, outputs, options }) => {
  const [weights, input] = [required(inputs, 1), required(inputs, 2)];
  const output = outputs[0]!;
  const [out, kh, kw, perInput] = weights.shape as [number, number, number, number];
  const back = imageVolume(output.shape, input.shape, kh, kw, {
    ...options,
    dilationHFactor: 1,
    dilationWFactor: 1,
  });
  return [
    evaluateProduct({
      input,
      weights,
      bias: inputs[3] ?? null,
      output,
      activation: options.fusedActivationFunction,
      hybridUnits: 0,
      sum: (x, w) => {
        const sums = new Float64Array(sizeOf(output.shape));
        forEachMeeting(back, (from, to, tap) => {
          for (let o = 0; o < out; o++) {
            let total = 0;
            for (let c = 0; c < perInput; c++) {
              total += x[from * perInput + c]! * w[(o * kh * kw + tap) * perInput + c]!;
            }
            sums[to * out + o]! += total;
          }
        });
        return sums;
      },
    }),
  ];
};

export const CONVOLUTION: ReferenceFamily<Convolution | 'TRANSPOSE_CONV'> = {
  /** NHWC, weights OHWI; fewer input channels in the weights than in the input make groups. */
  CONV_2D: convolution<'CONV_2D'>((input, weights, output, options) => {
    const [out, kh, kw, perGroup] = weights as [number, number, number, number];
    return {
      volume: imageVolume(input, output, kh, kw, options),
      channels: { in: input[3]!, perGroup, out },
      strides: { out: kh * kw * perGroup, tap: perGroup, in: 1 },
    };
  }, true),

  /** NHWC, weights [1, h, w, channels * multiplier]: output o reads channel o / multiplier. */
  DEPTHWISE_CONV_2D: convolution<'DEPTHWISE_CONV_2D'>((input, weights, output, options) => {
    const [, kh, kw, out] = weights as [number, number, number, number];
    return {
      volume: imageVolume(input, output, kh, kw, options),
      channels: { in: input[3]!, perGroup: 1, out },
      strides: { out: 1, tap: out, in: 0 },
    };
  }, true),

  /** NDHWC, weights [d, h, w, in, out]. */
  CONV_3D: convolution<'CONV_3D'>((input, weights, output, options) => {
    const [kd, kh, kw, perGroup, out] = weights as [number, number, number, number, number];
    const { strideD, strideH, strideW, padding } = options;
    const { dilationDFactor, dilationHFactor, dilationWFactor } = options;
    return {
      volume: {
        batch: input[0]!,
        depth: windowAxis(input[1]!, output[1]!, kd, strideD, dilationDFactor, padding),
        rows: windowAxis(input[2]!, output[2]!, kh, strideH, dilationHFactor, padding),
        columns: windowAxis(input[3]!, output[3]!, kw, strideW, dilationWFactor, padding),
      },
      channels: { in: input[4]!, perGroup, out },
      strides: { out: 1, tap: perGroup * out, in: out },
    };
  }, false),

  TRANSPOSE_CONV: transposed,
};
