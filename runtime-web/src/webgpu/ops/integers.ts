/** Shaders for models with integers. */

export { INTEGER_SHADERS } from '../lower/integers.js';
export { GPU_RUNTIME } from '../runtime.js';
