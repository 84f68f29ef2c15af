/** What integers take on WASM. */

export * from '../runtime.js';
export { integerKernels } from '../wasm/lower/integers.js';
