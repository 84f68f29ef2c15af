/** Convolutions of channels-last data. */
import { invariant, type OpName } from '@linnet/schema';
import { activationOf, activationRange } from '../../lower/activation.js';
import { rowMajor } from '../../lower/dims.js';
import { isFloatProduct, type Numerics } from '../../lower/numerics.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type Axis, FLAT, imageAxes } from '../../lower/window.js';
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

export type Shape4 = readonly [number, number, number, number];
type Triple = readonly [d: number, h: number, w: number];
export type Axes = readonly [depth: Axis, rows: Axis, columns: Axis];

export function each<T>([d, h, w]: readonly [T, T, T], f: (item: T) => number): Triple {
  return [f(d), f(h), f(w)];
}

/** All combinations of one entry of each list, the last list's varying fastest. */
function combinations<T>(lists: readonly [readonly T[], readonly T[], readonly T[]]): [T, T, T][] {
  const [ds, hs, ws] = lists;
  return ds.flatMap((d) => hs.flatMap((h) => ws.map((w): [T, T, T] => [d, h, w])));
}

/** Pixels of a patch in order: as runs of neighbours in w where they `merge`, else one by one. */
export function runsOf(pixels: readonly Triple[], merge: boolean): Run[] {
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
export function groupItems(groups: number, channels: number, columns: number): Problem['items'] {
  return Array.from({ length: groups }, (_, group) => ({
    input: group * channels,
    matrix: group,
    output: group * columns,
  }));
}

/** The problem of a convolution; the items of `matrices` are its groups. `pitch` is as in Fused. */
export function convolutionProblem(
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

export const convolutionLowerings = (extras: Extras) =>
  ({
    CONV_2D: convolution(extras),
    DEPTHWISE_CONV_2D: depthwise(extras),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
