import { INDEXING_LOWERINGS } from '../lower/indexing.js';
import type { ShaderFamily } from '../lowering.js';

export * from '../../runtime.js';
export { CORE_SHADERS } from './core.js';

export const shaders: ShaderFamily = () => INDEXING_LOWERINGS;
