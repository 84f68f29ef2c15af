export type { Arithmetic } from './arithmetic.js';
export type { Build, BuildTraits } from './build.js';
export * from './fault.js';
export * from './kernel.js';
export * from './kernels.js';
export { POOL_KINDS } from './pool-kinds.js';
export * from './table.js';
