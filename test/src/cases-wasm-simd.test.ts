import { wasmBackend } from './cases/backend.js';
import { testCases } from './cases/suite.js';

testCases(wasmBackend('wasm simd', {}));
