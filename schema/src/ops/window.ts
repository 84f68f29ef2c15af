import { BuiltinOperator } from '../generated/tflite/builtin-operator.js';
import { BuiltinOptions } from '../generated/tflite/builtin-options.js';
import { Conv2DOptions, Conv2DOptionsT } from '../generated/tflite/conv2-doptions.js';
import { Conv3DOptions, Conv3DOptionsT } from '../generated/tflite/conv3-doptions.js';
import {
  DepthwiseConv2DOptions,
  DepthwiseConv2DOptionsT,
} from '../generated/tflite/depthwise-conv2-doptions.js';
import { Pool2DOptions, Pool2DOptionsT } from '../generated/tflite/pool2-doptions.js';
import {
  TransposeConvOptions,
  TransposeConvOptionsT,
} from '../generated/tflite/transpose-conv-options.js';
import { builtinOptions, defineOp } from './op.js';

export const WINDOW_OPS = {
  CONV_2D: defineOp({
    code: BuiltinOperator.CONV_2D,
    options: builtinOptions(BuiltinOptions.Conv2DOptions, Conv2DOptions, Conv2DOptionsT),
    inputs: [2, 3],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  DEPTHWISE_CONV_2D: defineOp({
    code: BuiltinOperator.DEPTHWISE_CONV_2D,
    options: builtinOptions(
      BuiltinOptions.DepthwiseConv2DOptions,
      DepthwiseConv2DOptions,
      DepthwiseConv2DOptionsT,
    ),
    inputs: [2, 3],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  TRANSPOSE_CONV: defineOp({
    code: BuiltinOperator.TRANSPOSE_CONV,
    options: builtinOptions(
      BuiltinOptions.TransposeConvOptions,
      TransposeConvOptions,
      TransposeConvOptionsT,
    ),
    inputs: [3, 4],
    outputs: [1, 1],
    valueInputs: [0],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  CONV_3D: defineOp({
    code: BuiltinOperator.CONV_3D,
    options: builtinOptions(BuiltinOptions.Conv3DOptions, Conv3DOptions, Conv3DOptionsT),
    inputs: [2, 3],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  AVERAGE_POOL_2D: defineOp({
    code: BuiltinOperator.AVERAGE_POOL_2D,
    options: builtinOptions(BuiltinOptions.Pool2DOptions, Pool2DOptions, Pool2DOptionsT),
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  MAX_POOL_2D: defineOp({
    code: BuiltinOperator.MAX_POOL_2D,
    options: builtinOptions(BuiltinOptions.Pool2DOptions, Pool2DOptions, Pool2DOptionsT),
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  L2_POOL_2D: defineOp({
    code: BuiltinOperator.L2_POOL_2D,
    options: builtinOptions(BuiltinOptions.Pool2DOptions, Pool2DOptions, Pool2DOptionsT),
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
};
