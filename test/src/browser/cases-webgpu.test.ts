/** Every op case on WebGPU, in Chromium with SwiftShader; ops without a shader run on WASM in between. */
import { buildCases } from '../cases/build.js';
import { testRefusals } from '../cases/refusals.js';
import { testCases } from '../cases/suite.js';
import { pageBackend } from './page-backend.js';

/**
 * WGSL lets devices assume that there are no NaNs and infinities, and flush denormal numbers to zero.
 * Source: https://www.w3.org/TR/WGSL/#differences-from-ieee754
 */
const EDGES = Object.fromEntries(
  [
    'EXP',
    'LOG',
    'RSQRT',
    'CEIL',
    'SIGN',
    'RELU',
    'RELU6',
    'RELU_N1_TO_1',
    'RELU_0_TO_1',
    'LOGISTIC',
    'TANH',
    'POW',
  ].map((op) => [`${op} edge values`, 'WGSL does not define NaN, infinities and denormals']),
);

const backend = pageBackend(
  'WebGPU in Chromium',
  { isolated: false, webgpu: true },
  { backend: 'webgpu' },
  EDGES,
);
testCases(backend, buildCases());
testRefusals(backend);
