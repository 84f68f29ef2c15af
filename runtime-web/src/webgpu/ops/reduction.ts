import { cumsum } from '../lower/cumsum.js';
import { REDUCTION_LOWERINGS } from '../lower/reduction.js';
import { topK } from '../lower/top-k.js';
import type { ShaderFamily } from '../lowering.js';

export * from '../../runtime.js';
export { CORE_SHADERS } from './core.js';

export const shaders: ShaderFamily = () => ({
  ...REDUCTION_LOWERINGS,
  CUMSUM: cumsum,
  TOPK_V2: topK,
});
