/** What integers take on WASM. */

export { readBlocks } from '../model/blocks.js';
export { RUNTIME } from '../runtime.js';
export { probeByteDot } from '../wasm/dot.js';
export { integerKernels } from '../wasm/lower/integers.js';
