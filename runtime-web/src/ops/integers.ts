/** What integers take on WASM. */

export * from '../runtime.js';
export { probeByteDot } from '../wasm/dot.js';
export { integerKernels } from '../wasm/lower/integers.js';
