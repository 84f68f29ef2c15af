import type { Padding } from '../generated/enums/padding.js';
import { Conv2DOptions, DepthwiseConv2DOptions, Pool2DOptions } from '../generated/options.js';
import { windowSpan } from '../geometry.js';
import { formatType, UNKNOWN_DIM } from '../tensor-type.js';
import { defineOp, type OpRecord } from './op.js';
import { type AnySite, computedDtype, dimOf, inputOfRank, output, refuse, unify } from './site.js';

export const CONVOLUTION = { inputs: [2, 3], outputs: [1, 1] } as const;

/** Size of one output dimension; refuses a window that needs a size that is not known. */
export function outputSize(
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
export function checkBias(site: AnySite, index: number, channels: number): void {
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
  AVERAGE_POOL_2D: pooling(),
  MAX_POOL_2D: pooling(),
  L2_POOL_2D: pooling(),
};
