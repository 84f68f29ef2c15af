import { BuiltinOperator } from '../generated/tflite/builtin-operator.js';
import { BuiltinOptions } from '../generated/tflite/builtin-options.js';
import { GatherOptions, GatherOptionsT } from '../generated/tflite/gather-options.js';
import {
  SparseToDenseOptions,
  SparseToDenseOptionsT,
} from '../generated/tflite/sparse-to-dense-options.js';
import {
  StridedSliceOptions,
  StridedSliceOptionsT,
} from '../generated/tflite/strided-slice-options.js';
import { builtinOptions, defineOp } from './op.js';

export const SLICE_OPS = {
  SLICE: defineOp({
    code: BuiltinOperator.SLICE,
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [1, 2],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  STRIDED_SLICE: defineOp({
    code: BuiltinOperator.STRIDED_SLICE,
    options: builtinOptions(
      BuiltinOptions.StridedSliceOptions,
      StridedSliceOptions,
      StridedSliceOptionsT,
    ),
    inputs: [4, 4],
    outputs: [1, 1],
    valueInputs: [1, 2, 3],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  DYNAMIC_UPDATE_SLICE: defineOp({
    code: BuiltinOperator.DYNAMIC_UPDATE_SLICE,
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  GATHER: defineOp({
    code: BuiltinOperator.GATHER,
    options: builtinOptions(BuiltinOptions.GatherOptions, GatherOptions, GatherOptionsT),
    inputs: [2, 2],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  GATHER_ND: defineOp({
    code: BuiltinOperator.GATHER_ND,
    options: null,
    inputs: [2, 2],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  SCATTER_ND: defineOp({
    code: BuiltinOperator.SCATTER_ND,
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [2],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  EMBEDDING_LOOKUP: defineOp({
    code: BuiltinOperator.EMBEDDING_LOOKUP,
    options: null,
    inputs: [2, 2],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  SPARSE_TO_DENSE: defineOp({
    code: BuiltinOperator.SPARSE_TO_DENSE,
    options: builtinOptions(
      BuiltinOptions.SparseToDenseOptions,
      SparseToDenseOptions,
      SparseToDenseOptionsT,
    ),
    inputs: [4, 4],
    outputs: [1, 1],
    valueInputs: [1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  NON_MAX_SUPPRESSION_V4: defineOp({
    code: BuiltinOperator.NON_MAX_SUPPRESSION_V4,
    options: null,
    inputs: [5, 5],
    outputs: [2, 2],
    valueInputs: [2],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  NON_MAX_SUPPRESSION_V5: defineOp({
    code: BuiltinOperator.NON_MAX_SUPPRESSION_V5,
    options: null,
    inputs: [6, 6],
    outputs: [3, 3],
    valueInputs: [2],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
};
