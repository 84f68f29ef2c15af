/** Shaders of products of integers. */

export * from '../../runtime.js';
export { INTEGER_SHADERS } from '../lower/integers.js';
export { CORE_SHADERS } from './core.js';
