import { BuiltinOperator } from '../generated/tflite/builtin-operator.js';
import { BuiltinOptions } from '../generated/tflite/builtin-options.js';
import {
  ConcatenationOptions,
  ConcatenationOptionsT,
} from '../generated/tflite/concatenation-options.js';
import { PackOptions, PackOptionsT } from '../generated/tflite/pack-options.js';
import { SplitOptions, SplitOptionsT } from '../generated/tflite/split-options.js';
import { SplitVOptions, SplitVOptionsT } from '../generated/tflite/split-voptions.js';
import { UnpackOptions, UnpackOptionsT } from '../generated/tflite/unpack-options.js';
import { builtinOptions, defineOp } from './op.js';

export const JOIN_OPS = {
  CONCATENATION: defineOp({
    code: BuiltinOperator.CONCATENATION,
    options: builtinOptions(
      BuiltinOptions.ConcatenationOptions,
      ConcatenationOptions,
      ConcatenationOptionsT,
    ),
    inputs: [1, Infinity],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  SPLIT: defineOp({
    code: BuiltinOperator.SPLIT,
    options: builtinOptions(BuiltinOptions.SplitOptions, SplitOptions, SplitOptionsT),
    inputs: [2, 2],
    outputs: [1, Infinity],
    valueInputs: [0],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  SPLIT_V: defineOp({
    code: BuiltinOperator.SPLIT_V,
    options: builtinOptions(BuiltinOptions.SplitVOptions, SplitVOptions, SplitVOptionsT),
    inputs: [3, 3],
    outputs: [1, Infinity],
    valueInputs: [1, 2],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  PACK: defineOp({
    code: BuiltinOperator.PACK,
    options: builtinOptions(BuiltinOptions.PackOptions, PackOptions, PackOptionsT),
    inputs: [1, Infinity],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  UNPACK: defineOp({
    code: BuiltinOperator.UNPACK,
    options: builtinOptions(BuiltinOptions.UnpackOptions, UnpackOptions, UnpackOptionsT),
    inputs: [1, 1],
    outputs: [0, Infinity],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
};
