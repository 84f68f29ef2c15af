import { INDEXING_LOWERINGS } from '../lower/indexing.js';
import { ONE_HOT_LOWERINGS } from '../lower/one-hot.js';
import type { ShaderFamily } from '../lowering.js';

export * from '../../runtime.js';
export { CORE_SHADERS } from './core.js';

export const shaders: ShaderFamily = () => ({ ...INDEXING_LOWERINGS, ...ONE_HOT_LOWERINGS });
