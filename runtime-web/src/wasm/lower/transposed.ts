/** Convolutions of volumes and transposed convolutions. */
import type { OpName } from '@linnet/schema';
import { activationOf, activationRange } from '../../lower/activation.js';
import { rowMajor } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type Axis, imageAxes, windowAxis } from '../../lower/window.js';
import type { Lowering } from '../lowering.js';
import {
  type Axes,
  convolutionProblem,
  each,
  groupItems,
  runsOf,
  type Shape4,
} from './convolution.js';
import type { Extras } from './extras.js';
import type { Problem } from './problem.js';
import { productLowering } from './product.js';

/** Input NDHWC, weights DHWIO. */
const convolution3d = productLowering<'CONV_3D'>((site) => {
  const activation = activationRange(activationOf(site));
  if (activation === null) return null;
  const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
  const images = input.type.shape[0] as number;
  const [channels, columns] = weights.type.shape.slice(3) as [number, number];
  const { options } = site;
  const steps = [
    [options.strideD, options.dilationDFactor],
    [options.strideH, options.dilationHFactor],
    [options.strideW, options.dilationWFactor],
  ] as const;
  const axes = steps.map(([stride, dilation], axis) =>
    windowAxis(
      {
        input: input.type.shape[axis + 1] as number,
        output: output.type.shape[axis + 1] as number,
        window: weights.type.shape[axis] as number,
        stride,
        dilation,
      },
      options.padding,
    ),
  ) as unknown as Axes;
  const [depth, rows, width] = each(axes, ({ window }) => window);
  const matrices = {
    items: 1,
    depth: depth * rows * width * channels,
    columns,
    itemStride: 0,
    depthStride: columns,
    columnStride: 1,
    biasStride: 0,
  };
  const bias = site.inputs[2] ?? null;
  return {
    product: { input, weights, bias, output, activation, channelAxis: 4, units: null },
    problems: () => [convolutionProblem(images, axes, channels, matrices)],
  };
});

/** More phases than this are no sensible transposed convolution. */
const MAX_PHASES = 1024;

/**
 * One dimension of a transposed convolution, seen from the output positions phase + i * stride: the
 * taps that meet input elements there, and where, relative to i. By ascending input position.
 */
function phaseTaps({ window, stride, before }: Axis, phase: number) {
  const taps: { tap: number; at: number }[] = [];
  for (let tap = window - 1; tap >= 0; tap--) {
    const at = (phase + before - tap) / stride;
    if (Number.isInteger(at)) taps.push({ tap, at });
  }
  return taps;
}

/**
 * Output shape, weights OHWI, input NHWC, bias. Every output position sees the taps that its
 * remainder by the stride lets it see, so each remainder is a convolution of its own.
 */
const transposed = productLowering<'TRANSPOSE_CONV'>((site) => {
  const activation = activationRange(activationOf(site));
  const [weights, input, output] = [inputOf(site, 1), inputOf(site, 2), outputOf(site)];
  const [columns, height, width, channels] = weights.type.shape as Shape4;
  const window = [height, width] as const;
  // The axes of the convolution that takes the output back to the input.
  const [rows, cols] = imageAxes(output.type.shape, input.type.shape, window, site.options);
  const phases = (axis: Axis) =>
    Array.from({ length: Math.min(axis.stride, axis.input) }, (_, i) => i);
  const tooMany =
    Math.min(rows.stride, rows.input) * Math.min(cols.stride, cols.input) > MAX_PHASES;
  if (activation === null || weights.value === undefined || tooMany) return null;
  const [images, n, h, w] = [
    input.type.shape[0] as number,
    ...rowMajor(output.type.shape),
  ] as const;
  const problem = (phaseH: number, phaseW: number): Problem => {
    const empty = columns * channels === 0;
    const taps = empty
      ? []
      : phaseTaps(rows, phaseH).flatMap((y) => phaseTaps(cols, phaseW).map((x) => ({ y, x })));
    return {
      items: groupItems(1, channels, columns),
      runs: runsOf(
        taps.map(({ y, x }) => [0, y.at, x.at]),
        true,
      ),
      inSize: [1, rows.output, cols.output],
      inPixel: channels,
      channels,
      grid: [
        images,
        1,
        Math.ceil((rows.input - phaseH) / rows.stride),
        Math.ceil((cols.input - phaseW) / cols.stride),
      ],
      strides: [1, 1, 1],
      outStart: phaseH * (h as number) + phaseW * (w as number),
      outStrides: [n as number, 0, rows.stride * (h as number), cols.stride * (w as number)],
      matrices: {
        items: 1,
        depth: taps.length * channels,
        columns,
        itemStride: 0,
        depthStride: 1,
        columnStride: height * width * channels,
        biasStride: 0,
        runs: taps.map(({ y, x }) => (y.tap * width + x.tap) * channels),
      },
    };
  };
  const bias = site.inputs[3] ?? null;
  return {
    product: { input, weights, bias, output, activation, channelAxis: 0, units: null },
    problems: () => phases(rows).flatMap((y) => phases(cols).map((x) => problem(y, x))),
  };
});

export const transposedLowerings = (extras: Extras) =>
  ({
    CONV_3D: convolution3d(extras),
    TRANSPOSE_CONV: transposed(extras),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
