/** What weights take on WASM that are zero to a great part. */

export { RUNTIME } from '../runtime.js';
export { SPARSE_KERNELS } from '../wasm/lower/sparse-kernels.js';
