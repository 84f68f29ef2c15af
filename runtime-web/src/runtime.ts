/**
 * What runs models, but for what is fetched for some of them only. Such parts have all of this among their
 * exports: bundlers make a chunk for each set of parts that need a module, and with this it is one chunk.
 */
export { executable } from './model/load.js';
export { Resources } from './model/resources.js';
export { hasZeros } from './model/zeros.js';
export { CORE } from './ops/core.js';
export { notMeasured } from './plan/choice.js';
export { chooseWasm } from './run/choose.js';
export { Engine } from './run/engine.js';
export { Guard } from './run/guard.js';
export { LoadedModel } from './run/model.js';
export { WasmBackend } from './wasm/backend.js';
