/** Shaders of products of integers; the core comes along for the reason that `withCore` has. */

export { INTEGER_SHADERS } from '../lower/integers.js';
export { CORE_SHADERS } from './core.js';
