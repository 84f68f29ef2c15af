import { BuiltinOperator } from '../generated/tflite/builtin-operator.js';
import { BuiltinOptions } from '../generated/tflite/builtin-options.js';
import {
  DepthToSpaceOptions,
  DepthToSpaceOptionsT,
} from '../generated/tflite/depth-to-space-options.js';
import { MirrorPadOptions, MirrorPadOptionsT } from '../generated/tflite/mirror-pad-options.js';
import {
  ResizeBilinearOptions,
  ResizeBilinearOptionsT,
} from '../generated/tflite/resize-bilinear-options.js';
import {
  ResizeNearestNeighborOptions,
  ResizeNearestNeighborOptionsT,
} from '../generated/tflite/resize-nearest-neighbor-options.js';
import {
  ReverseSequenceOptions,
  ReverseSequenceOptionsT,
} from '../generated/tflite/reverse-sequence-options.js';
import {
  SpaceToDepthOptions,
  SpaceToDepthOptionsT,
} from '../generated/tflite/space-to-depth-options.js';
import { builtinOptions, defineOp } from './op.js';

export const LAYOUT_OPS = {
  SPACE_TO_DEPTH: defineOp({
    code: BuiltinOperator.SPACE_TO_DEPTH,
    options: builtinOptions(
      BuiltinOptions.SpaceToDepthOptions,
      SpaceToDepthOptions,
      SpaceToDepthOptionsT,
    ),
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  DEPTH_TO_SPACE: defineOp({
    code: BuiltinOperator.DEPTH_TO_SPACE,
    options: builtinOptions(
      BuiltinOptions.DepthToSpaceOptions,
      DepthToSpaceOptions,
      DepthToSpaceOptionsT,
    ),
    inputs: [1, 1],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  SPACE_TO_BATCH_ND: defineOp({
    code: BuiltinOperator.SPACE_TO_BATCH_ND,
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [1, 2],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  BATCH_TO_SPACE_ND: defineOp({
    code: BuiltinOperator.BATCH_TO_SPACE_ND,
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [1, 2],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  REVERSE_V2: defineOp({
    code: BuiltinOperator.REVERSE_V2,
    options: null,
    inputs: [2, 2],
    outputs: [1, 1],
    valueInputs: [1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  REVERSE_SEQUENCE: defineOp({
    code: BuiltinOperator.REVERSE_SEQUENCE,
    options: builtinOptions(
      BuiltinOptions.ReverseSequenceOptions,
      ReverseSequenceOptions,
      ReverseSequenceOptionsT,
    ),
    inputs: [2, 2],
    outputs: [1, 1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  PAD: defineOp({
    code: BuiltinOperator.PAD,
    options: null,
    inputs: [2, 2],
    outputs: [1, 1],
    valueInputs: [1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  PADV2: defineOp({
    code: BuiltinOperator.PADV2,
    options: null,
    inputs: [3, 3],
    outputs: [1, 1],
    valueInputs: [1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  MIRROR_PAD: defineOp({
    code: BuiltinOperator.MIRROR_PAD,
    options: builtinOptions(BuiltinOptions.MirrorPadOptions, MirrorPadOptions, MirrorPadOptionsT),
    inputs: [2, 2],
    outputs: [1, 1],
    valueInputs: [1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  RESIZE_BILINEAR: defineOp({
    code: BuiltinOperator.RESIZE_BILINEAR,
    options: builtinOptions(
      BuiltinOptions.ResizeBilinearOptions,
      ResizeBilinearOptions,
      ResizeBilinearOptionsT,
    ),
    inputs: [2, 2],
    outputs: [1, 1],
    valueInputs: [1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
  RESIZE_NEAREST_NEIGHBOR: defineOp({
    code: BuiltinOperator.RESIZE_NEAREST_NEIGHBOR,
    options: builtinOptions(
      BuiltinOptions.ResizeNearestNeighborOptions,
      ResizeNearestNeighborOptions,
      ResizeNearestNeighborOptionsT,
    ),
    inputs: [2, 2],
    outputs: [1, 1],
    valueInputs: [1],
    version: () => 1,
    infer: (site) => site.outputs,
  }),
};
