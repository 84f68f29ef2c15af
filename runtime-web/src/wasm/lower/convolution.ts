/** Convolutions of channels-last data. */
import { invariant, type OpName } from '@linnet/schema';
import { activationOf, activationRange } from '../../lower/activation.js';
import { rowMajor } from '../../lower/dims.js';
import { isFloatProduct, type Numerics } from '../../lower/numerics.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type Axis, FLAT, imageAxes, windowAxis } from '../../lower/window.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitDepthwiseF32 } from './depthwise-f32.js';
import { emitExpansion, supportsExpansion } from './expansion.js';
import type { Extras } from './extras.js';
import type { Matrices } from './packing.js';
import type { Problem, Run } from './problem.js';
import { numericsOf, type ProductView, productLowering } from './product.js';
import { windowArguments } from './window.js';
import { emitWinograd } from './winograd.js';

type Shape4 = readonly [number, number, number, number];
type Triple = readonly [d: number, h: number, w: number];
type Axes = readonly [depth: Axis, rows: Axis, columns: Axis];

function each<T>([d, h, w]: readonly [T, T, T], f: (item: T) => number): Triple {
  return [f(d), f(h), f(w)];
}

/** All combinations of one entry of each list, the last list's varying fastest. */
function combinations<T>(lists: readonly [readonly T[], readonly T[], readonly T[]]): [T, T, T][] {
  const [ds, hs, ws] = lists;
  return ds.flatMap((d) => hs.flatMap((h) => ws.map((w): [T, T, T] => [d, h, w])));
}

/** Pixels of a patch in order: as runs of neighbours in w where they `merge`, else one by one. */
function runsOf(pixels: readonly Triple[], merge: boolean): Run[] {
  const runs: Run[] = [];
  for (const [d, h, w] of pixels) {
    const last = runs.at(-1);
    if (merge && last?.[0] === d && last[1] === h && last[2] + last[3] === w) {
      runs[runs.length - 1] = [d, h, last[2], last[3] + 1];
    } else {
      runs.push([d, h, w, 1]);
    }
  }
  return runs;
}

/** The items of a convolution in groups of channels. */
function groupItems(groups: number, channels: number, columns: number): Problem['items'] {
  return Array.from({ length: groups }, (_, group) => ({
    input: group * channels,
    matrix: group,
    output: group * columns,
  }));
}

/** The problem of a convolution; the items of `matrices` are its groups. `pitch` is as in Fused. */
function convolutionProblem(
  images: number,
  axes: Axes,
  channels: number,
  matrices: Matrices,
  pitch = matrices.items * matrices.columns,
): Problem {
  const { items: groups, depth, columns } = matrices;
  const taps = axes.map(({ window, dilation, before }) =>
    Array.from({ length: depth === 0 ? 0 : window }, (_, tap) => tap * dilation - before),
  ) as unknown as readonly [number[], number[], number[]];
  const size = each(axes, ({ output }) => output);
  const [n, d, h, w] = rowMajor([images, ...size, pitch]) as unknown as Shape4;
  return {
    items: groupItems(groups, channels, columns),
    runs: runsOf(combinations(taps), groups === 1),
    inSize: each(axes, ({ input }) => input),
    inPixel: groups * channels,
    channels,
    grid: [images, ...size],
    strides: each(axes, ({ stride }) => stride),
    outStart: 0,
    outStrides: [n, d, h, w],
    matrices,
  };
}

/** Input NHWC, weights OHWI; fewer input channels in the weights than in the input make groups. */
function convolutionView(site: LowerSite<'CONV_2D'>): ProductView | null {
  const activation = activationRange(activationOf(site));
  if (activation === null) return null;
  const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
  const [images, , , channels] = input.type.shape as Shape4;
  const [outputs, height, width, depth] = weights.type.shape as Shape4;
  const groups = depth === 0 ? 1 : channels / depth;
  const columns = outputs / groups;
  const size = height * width * depth;
  const matrices = {
    items: groups,
    depth: size,
    columns,
    itemStride: columns * size,
    depthStride: 1,
    columnStride: size,
    biasStride: columns,
  };
  const bias = site.inputs[2] ?? null;
  return {
    product: { input, weights, bias, output, activation, channelAxis: 0, units: images },
    problems: () => [
      convolutionProblem(
        images,
        [FLAT, ...convolutionAxes(site)],
        depth,
        matrices,
        site.fused.pitch,
      ),
    ],
  };
}

function convolutionAxes(site: LowerSite<'CONV_2D'>) {
  const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
  const [, height, width] = weights.type.shape as Shape4;
  const { options, fused } = site;
  return imageAxes(input.type.shape, output.type.shape, [height, width], options, fused.padding);
}

const plain = productLowering(convolutionView);

const convolution = (extras: Extras): Lowering<'CONV_2D'> => ({
  pitched: true,
  supports: plain(extras).supports,
  lower(site, emit) {
    const { product } = convolutionView(site) as ProductView;
    const isDone =
      isFloatProduct(product) &&
      emitWinograd(emit, product, convolutionAxes(site), site.fused.pitch);
    if (!isDone) plain(extras).lower(site, emit);
  },
});

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

/** Input NHWC, weights [1, h, w, channels * multiplier]: each channel is a group. */
function depthwiseView(site: LowerSite<'DEPTHWISE_CONV_2D'>): ProductView | null {
  const activation = activationRange(activationOf(site));
  if (activation === null) return null;
  const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
  const [images, , , channels] = input.type.shape as Shape4;
  const [, height, width, outputs] = weights.type.shape as Shape4;
  const columns = outputs / channels;
  const matrices = {
    items: channels,
    depth: height * width,
    columns,
    itemStride: columns,
    depthStride: outputs,
    columnStride: 1,
    biasStride: columns,
  };
  const bias = site.inputs[2] ?? null;
  return {
    product: { input, weights, bias, output, activation, channelAxis: 3, units: images },
    problems: () => [convolutionProblem(images, [FLAT, ...depthwiseAxes(site)], 1, matrices)],
  };
}

function depthwiseAxes(site: LowerSite<'DEPTHWISE_CONV_2D'>) {
  const [input, weights, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
  const [, height, width] = weights.type.shape as Shape4;
  const { options, fused } = site;
  return imageAxes(input.type.shape, output.type.shape, [height, width], options, fused.padding);
}

const grouped = productLowering(depthwiseView);

const depthwise = (extras: Extras): Lowering<'DEPTHWISE_CONV_2D'> => ({
  supports: (site) =>
    site.fused.expansion === undefined ? grouped(extras).supports(site) : supportsExpansion(site),
  lower(site, emit) {
    if (site.fused.expansion !== undefined) return emitExpansion(emit, site, extras);
    const channels = inputOf(site, 0).type.shape[3];
    if (channels !== outputOf(site).type.shape[3]) return grouped(extras).lower(site, emit);
    const { product } = depthwiseView(site) as ProductView;
    const numerics = numericsOf(product, extras) as Numerics;
    const isDone = emitDepthwise(site, product, numerics, emit, extras);
    if (!isDone) grouped(extras).lower(site, emit);
  },
});

/** One output channel per input channel; false, with nothing emitted, where no kernel is made for it. */
function emitDepthwise(
  site: LowerSite<'DEPTHWISE_CONV_2D'>,
  product: ProductView['product'],
  numerics: Numerics,
  emit: Emitter,
  { integers }: Extras,
): boolean {
  const { input, output } = product;
  const [rows, columns] = depthwiseAxes(site);
  if (numerics.kind === 'float32') {
    emitDepthwiseF32(emit, product, [rows, columns]);
    return true;
  }
  const window = { ...windowArguments(input.type.shape, rows, columns), output: output.ref };
  invariant(integers, 'What integers take has not been loaded.');
  return integers.emitDepthwise(emit, product, numerics, [rows, columns], window);
}

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

export const convolutionLowerings = (extras: Extras) =>
  ({
    CONV_2D: convolution(extras),
    DEPTHWISE_CONV_2D: depthwise(extras),
    CONV_3D: convolution3d(extras),
    TRANSPOSE_CONV: transposed(extras),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
