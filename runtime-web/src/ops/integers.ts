/** What products of integers take on WASM. */

export * from '../runtime.js';
export { integerProducts } from '../wasm/lower/integers.js';
