import { BuiltinOperator } from '../generated/tflite/builtin-operator.js';
import { BuiltinOptions } from '../generated/tflite/builtin-options.js';
import { CastOptions, CastOptionsT } from '../generated/tflite/cast-options.js';
import { FakeQuantOptions, FakeQuantOptionsT } from '../generated/tflite/fake-quant-options.js';
import { builtinOptions, defineOp } from './op.js';

export const CONVERT_OPS = {
  CAST: defineOp({
    code: BuiltinOperator.CAST,
    options: builtinOptions(BuiltinOptions.CastOptions, CastOptions, CastOptionsT),
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  BITCAST: defineOp({
    code: BuiltinOperator.BITCAST,
    options: null,
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  QUANTIZE: defineOp({
    code: BuiltinOperator.QUANTIZE,
    options: null,
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  DEQUANTIZE: defineOp({
    code: BuiltinOperator.DEQUANTIZE,
    options: null,
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  FAKE_QUANT: defineOp({
    code: BuiltinOperator.FAKE_QUANT,
    options: builtinOptions(BuiltinOptions.FakeQuantOptions, FakeQuantOptions, FakeQuantOptionsT),
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  DENSIFY: defineOp({
    code: BuiltinOperator.DENSIFY,
    options: null,
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
};
