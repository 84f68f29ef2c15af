import { Conv3DOptions, TransposeConvOptions } from '../generated/options.js';
import { defineOp } from './op.js';
import {
  computedDtype,
  inputOfRank,
  integers,
  listLength,
  output,
  unify,
  unknownShape,
} from './site.js';
import { CONVOLUTION, checkBias, outputSize } from './window.js';

/** Convolutions that few models have. */
export const TRANSPOSED_OPS = {
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
};
