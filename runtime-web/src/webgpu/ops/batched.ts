import { attention } from '../lower/attention.js';
import { batchMatmul } from '../lower/batch-matmul.js';
import { foldedOr, type ShaderFamily } from '../lowering.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: ShaderFamily = (integers) => ({
  BATCH_MATMUL: foldedOr('attention', attention, batchMatmul(integers)),
});
