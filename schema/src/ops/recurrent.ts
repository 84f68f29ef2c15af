import { BuiltinOperator } from '../generated/tflite/builtin-operator.js';
import { BuiltinOptions } from '../generated/tflite/builtin-options.js';
import { LSTMOptions, LSTMOptionsT } from '../generated/tflite/lstmoptions.js';
import { RNNOptions, RNNOptionsT } from '../generated/tflite/rnnoptions.js';
import { SVDFOptions, SVDFOptionsT } from '../generated/tflite/svdfoptions.js';
import {
  SequenceRNNOptions,
  SequenceRNNOptionsT,
} from '../generated/tflite/sequence-rnnoptions.js';
import {
  UnidirectionalSequenceLSTMOptions,
  UnidirectionalSequenceLSTMOptionsT,
} from '../generated/tflite/unidirectional-sequence-lstmoptions.js';
import { builtinOptions, defineOp } from './op.js';

export const RECURRENT_OPS = {
  RNN: defineOp({
    code: BuiltinOperator.RNN,
    options: builtinOptions(BuiltinOptions.RNNOptions, RNNOptions, RNNOptionsT),
    inputs: [5, 5],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  LSTM: defineOp({
    code: BuiltinOperator.LSTM,
    options: builtinOptions(BuiltinOptions.LSTMOptions, LSTMOptions, LSTMOptionsT),
    inputs: [5, 24],
    outputs: [1, 4],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  UNIDIRECTIONAL_SEQUENCE_LSTM: defineOp({
    code: BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM,
    options: builtinOptions(
      BuiltinOptions.UnidirectionalSequenceLSTMOptions,
      UnidirectionalSequenceLSTMOptions,
      UnidirectionalSequenceLSTMOptionsT,
    ),
    inputs: [20, 24],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  UNIDIRECTIONAL_SEQUENCE_RNN: defineOp({
    code: BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_RNN,
    options: builtinOptions(
      BuiltinOptions.SequenceRNNOptions,
      SequenceRNNOptions,
      SequenceRNNOptionsT,
    ),
    inputs: [5, 5],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  SVDF: defineOp({
    code: BuiltinOperator.SVDF,
    options: builtinOptions(BuiltinOptions.SVDFOptions, SVDFOptions, SVDFOptionsT),
    inputs: [5, 5],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
};
