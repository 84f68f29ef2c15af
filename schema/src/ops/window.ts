import type { Padding } from '../generated/enums/padding.js';
import {
  Conv2DOptions,
  Conv3DOptions,
  DepthwiseConv2DOptions,
  Pool2DOptions,
  TransposeConvOptions,
} from '../generated/options.js';
import { windowSpan } from '../geometry.js';
import { formatType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp, type OpRecord } from './op.js';
import {
  type AnySite,
  computedDtype,
  dimOf,
  inputOfRank,
  integers,
  listLength,
  output,
  refuse,
  unify,
  unknownShape,
} from './site.js';

const CONVOLUTION = { inputs: [2, 3], outputs: [1, 1] } as const;

/** Size of one output dimension; refuses a window that needs a size that is not known. */
function outputSize(
  size: number,
  window: number,
  stride: number,
  dilation: number,
  padding: Padding,
): number {
  if (window === UNKNOWN_DIM) return UNKNOWN_DIM;
  return windowSpan({ size, window, stride, dilation }, padding).output;
}

/** Checks the bias, which is left out or has one element per output channel. */
function checkBias(site: AnySite, index: number, channels: number): void {
  if (site.inputs[index] == null) return;
  const bias = inputOfRank(site, index, 'bias', 1);
  unify(bias.shape[0] as number, channels, 'The bias and the number of output channels');
}

function pooling(): OpRecord<Pool2DOptions> {
  return defineOp({
    options: Pool2DOptions,
    inputs: [1, 1],
    outputs: [1, 1],
    infer: (site) => {
      const { dtype, shape } = inputOfRank(site, 0, 'input', 4);
      const [batch, height, width, channels] = shape as [number, number, number, number];
      const { padding, strideH, strideW, filterHeight, filterWidth } = site.options;
      return [
        output(site, 0, dtype, [
          batch,
          outputSize(height, filterHeight, strideH, 1, padding),
          outputSize(width, filterWidth, strideW, 1, padding),
          channels,
        ]),
      ];
    },
  });
}

/** Ops that slide a window over the spatial dimensions of channels-last data. */
export const WINDOW_OPS = {
  /** Input NHWC, filter OHWI; channels in groups when the filter's I divides the input's C. */
  CONV_2D: defineOp({
    ...CONVOLUTION,
    options: Conv2DOptions,
    infer: (site) => {
      const data = inputOfRank(site, 0, 'input', 4);
      const filter = inputOfRank(site, 1, 'filter', 4);
      const [batch, height, width, channels] = data.shape as [number, number, number, number];
      const [count, windowH, windowW, depth] = filter.shape as [number, number, number, number];
      const groups = dimOf((c, d) => c / d, channels, depth);
      if (!Number.isInteger(groups) || dimOf((n, g) => n % g, count, groups) > 0) {
        refuse(
          `Input 1 (filter) is ${formatType(filter)}; its last dimension must divide the ${channels} channels of ${formatType(data)} into groups.`,
        );
      }
      checkBias(site, 2, count);
      const options = site.options;
      return [
        output(site, 0, computedDtype(site, data.dtype), [
          batch,
          outputSize(height, windowH, options.strideH, options.dilationHFactor, options.padding),
          outputSize(width, windowW, options.strideW, options.dilationWFactor, options.padding),
          count,
        ]),
      ];
    },
  }),
  /** Input NHWC, filter 1HWO, where O is a multiple of C and each channel makes O / C outputs. */
  DEPTHWISE_CONV_2D: defineOp({
    ...CONVOLUTION,
    options: DepthwiseConv2DOptions,
    infer: (site) => {
      const data = inputOfRank(site, 0, 'input', 4);
      const filter = inputOfRank(site, 1, 'filter', 4);
      const [batch, height, width, channels] = data.shape as [number, number, number, number];
      const [one, windowH, windowW, count] = filter.shape as [number, number, number, number];
      unify(one, 1, `The first dimension of input 1 (filter), ${formatType(filter)}`);
      if (dimOf((n, c) => n % c, count, channels) !== 0 && channels !== UNKNOWN_DIM) {
        refuse(
          `Input 1 (filter) is ${formatType(filter)}; its last dimension must be a multiple of the ${channels} channels of the input.`,
        );
      }
      checkBias(site, 2, count);
      const options = site.options;
      return [
        output(site, 0, computedDtype(site, data.dtype), [
          batch,
          outputSize(height, windowH, options.strideH, options.dilationHFactor, options.padding),
          outputSize(width, windowW, options.strideW, options.dilationWFactor, options.padding),
          count,
        ]),
      ];
    },
  }),
  /** Inputs: the output's shape, filter OHWI, data NHWC, bias. */
  TRANSPOSE_CONV: defineOp({
    options: TransposeConvOptions,
    inputs: [3, 4],
    outputs: [1, 1],
    valueInputs: [0],
    infer: (site) => {
      const filter = inputOfRank(site, 1, 'filter', 4);
      const data = inputOfRank(site, 2, 'input', 4);
      const [count, windowH, windowW, depth] = filter.shape as [number, number, number, number];
      unify(depth, data.shape[3] as number, 'The channels of inputs 1 (filter) and 2 (input)');
      checkBias(site, 3, count);
      unify(listLength(site, 0, 'output shape'), 4, 'The length of input 0 (output shape)');
      const shape = [...(integers(site, 0, 'output shape') ?? unknownShape(4))];
      shape[0] = unify(
        shape[0] as number,
        data.shape[0] as number,
        'The batch of output and input',
      );
      shape[3] = unify(shape[3] as number, count, 'The channels of output and filter');
      const { padding, strideH, strideW } = site.options;
      const rows = outputSize(shape[1] as number, windowH, strideH, 1, padding);
      const columns = outputSize(shape[2] as number, windowW, strideW, 1, padding);
      unify(rows, data.shape[1] as number, 'The height that the output shape asks of the input');
      unify(columns, data.shape[2] as number, 'The width that the output shape asks of the input');
      return [output(site, 0, computedDtype(site, data.dtype), shape)];
    },
  }),
  /** Input NDHWC, filter DHWIO. */
  CONV_3D: defineOp({
    ...CONVOLUTION,
    options: Conv3DOptions,
    infer: (site) => {
      const data = inputOfRank(site, 0, 'input', 5);
      const filter = inputOfRank(site, 1, 'filter', 5);
      const window = filter.shape;
      const count = window[4] as number;
      unify(window[3] as number, data.shape[4] as number, 'The channels of filter and input');
      checkBias(site, 2, count);
      const options = site.options;
      const strides = [options.strideD, options.strideH, options.strideW];
      const dilations = [options.dilationDFactor, options.dilationHFactor, options.dilationWFactor];
      const spatial = strides.map((stride, i) =>
        outputSize(
          data.shape[i + 1] as number,
          window[i] as number,
          stride,
          dilations[i] as number,
          options.padding,
        ),
      );
      return [output(site, 0, data.dtype, [data.shape[0] as number, ...spatial, count])];
    },
  }),
  AVERAGE_POOL_2D: pooling(),
  MAX_POOL_2D: pooling(),
  L2_POOL_2D: pooling(),
};
