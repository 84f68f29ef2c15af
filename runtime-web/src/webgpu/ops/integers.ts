/** Shaders for models with integers. */

export { INTEGER_SHADERS } from '../lower/integers.js';
export * from '../runtime.js';
