/** Shaders of ops that few models have, of whichever family. */
import { convolution3d } from '../lower/convolution-3d.js';
import { cumsum } from '../lower/cumsum.js';
import { RARE_BINARY_LOWERINGS } from '../lower/rare-binary.js';
import { SQUARES_LOWERINGS } from '../lower/squares.js';
import { topK } from '../lower/top-k.js';
import { transposedConvolution } from '../lower/transposed-convolution.js';
import { dynamicUpdateSlice } from '../lower/update-slice.js';
import type { RareShaders } from './load.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: RareShaders = (integers) => ({
  ...RARE_BINARY_LOWERINGS,
  ...SQUARES_LOWERINGS,
  CONV_3D: convolution3d,
  CUMSUM: cumsum,
  DYNAMIC_UPDATE_SLICE: dynamicUpdateSlice,
  TOPK_V2: topK,
  TRANSPOSE_CONV: transposedConvolution(integers),
});
