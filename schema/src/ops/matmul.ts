import { BuiltinOperator } from '../generated/tflite/builtin-operator.js';
import { BuiltinOptions } from '../generated/tflite/builtin-options.js';
import {
  BatchMatMulOptions,
  BatchMatMulOptionsT,
} from '../generated/tflite/batch-mat-mul-options.js';
import {
  FullyConnectedOptions,
  FullyConnectedOptionsT,
} from '../generated/tflite/fully-connected-options.js';
import { builtinOptions, defineOp } from './op.js';

export const MATMUL_OPS = {
  FULLY_CONNECTED: defineOp({
    code: BuiltinOperator.FULLY_CONNECTED,
    options: builtinOptions(
      BuiltinOptions.FullyConnectedOptions,
      FullyConnectedOptions,
      FullyConnectedOptionsT,
    ),
    inputs: [2, 3],
    outputs: [1, 2],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  BATCH_MATMUL: defineOp({
    code: BuiltinOperator.BATCH_MATMUL,
    options: builtinOptions(
      BuiltinOptions.BatchMatMulOptions,
      BatchMatMulOptions,
      BatchMatMulOptionsT,
    ),
    inputs: [2, 2],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
};
