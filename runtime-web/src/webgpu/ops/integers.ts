/** Shaders for models with integers. */

export * from '../../runtime.js';
export { INTEGER_SHADERS } from '../lower/integers.js';
export { CORE_SHADERS } from './core.js';
