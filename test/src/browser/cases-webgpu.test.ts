/**
 * Every op case on WebGPU, in Chromium with SwiftShader, integers to the bit as on WASM; ops without a shader run on
 * WASM in between.
 */
import assert from 'node:assert/strict';
import { loadModel, type TensorInput } from '@linnet/runtime-web';
import type { Backend } from '../cases/backend.js';
import { buildCases, type Case, type Value } from '../cases/build.js';
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

/** The outputs on WASM, but for ops between conversions to float32: exponentials of float32 differ in their last bits. */
async function onWasm({ bytes, inputs, op, runs }: Case): Promise<readonly Value[] | null> {
  const model = await loadModel(bytes, { threads: 1 });
  try {
    let outputs: readonly Value[] = [];
    for (let run = 0; run < runs; run++) {
      outputs = Object.values(await model.run(inputs as readonly TensorInput[]));
    }
    const support = model.info.ops.find((candidate) => candidate.op === op);
    return support !== undefined && support.viaFloat32 > 0 ? null : outputs;
  } finally {
    model.dispose();
  }
}

/** A backend whose integers have to be those of WASM. */
function exact(backend: Backend): Backend {
  return {
    ...backend,
    async run(subject) {
      const outputs = await backend.run(subject);
      if (!outputs.some(isOfIntegers)) return outputs;
      const expected = (await onWasm(subject)) ?? [];
      expected.forEach((value, at) => {
        if (isOfIntegers(value)) assert.deepEqual(outputs[at]?.data, value.data, 'as on WASM');
      });
      return outputs;
    },
  };
}

const isOfIntegers = ({ dtype }: Value) => /^u?int|bool/.test(dtype);

const backend = pageBackend(
  'WebGPU in Chromium',
  { isolated: false, webgpu: true },
  { backend: 'webgpu' },
  EDGES,
);
testCases(exact(backend), buildCases());
testRefusals(backend);
