/** What products of integers take on WASM; the core comes along for the reason that `withCore` has. */

export { integerProducts } from '../wasm/lower/integers.js';
export { CORE } from './core.js';
