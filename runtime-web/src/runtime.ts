import { executable } from './model/load.js';
import { Resources } from './model/resources.js';
import { hasZeros } from './model/zeros.js';
import { CORE } from './ops/core.js';
import { notMeasured } from './plan/choice.js';
import { chooseWasm } from './run/choose.js';
import { Engine } from './run/engine.js';
import { Guard } from './run/guard.js';
import { LoadedModel } from './run/model.js';
import { WasmBackend } from './wasm/backend.js';

/**
 * What runs models, but for what is fetched for some of them only. Such parts have this among their
 * exports: bundlers make a chunk for each set of parts that need a module, and with this it is one chunk.
 */
export const RUNTIME: readonly unknown[] = [
  executable,
  Resources,
  hasZeros,
  CORE,
  notMeasured,
  chooseWasm,
  Engine,
  Guard,
  LoadedModel,
  WasmBackend,
];
