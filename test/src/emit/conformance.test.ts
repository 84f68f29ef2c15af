/** Files that others wrote, read and written again: as they are, and rewritten. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { LinnetError } from '@linnet/schema';
import { emit } from '../../../converter/dist/emit/index.js';
import { importTflite } from '../../../converter/dist/formats/tflite/index.js';
import { checkProgram } from '../../../converter/dist/graph/check.js';
import { optimize } from '../../../converter/dist/passes/index.js';
import { assertOutputs, type ElementsByName } from '../support/outputs.js';
import { needsShared, shared } from '../support/paths.js';
import { openReference } from '../support/runs.js';
import { seededInputs } from '../support/seeded-inputs.js';

const FOLDER = 'conformance/tflite';
const files = existsSync(shared(FOLDER))
  ? readdirSync(shared(FOLDER)).filter((name) => name.endsWith('.tflite'))
  : [];

/** Rewrites may round otherwise; quantized outputs may then come out one step away. */
const TOLERANCE = { tolerance: 1e-5, steps: 1 };

function refusalOf(bytes: Uint8Array): LinnetError | null {
  try {
    importTflite(bytes);
    return null;
  } catch (error) {
    if (error instanceof LinnetError) return error;
    throw error;
  }
}

/** Inputs for each signature, by name: a file written anew may list them in another order. */
function inputsOf(bytes: Uint8Array): readonly ElementsByName[] {
  return openReference(bytes).signatures.map(({ inputs }) => seededInputs(inputs, 1));
}

async function outputsOf(
  bytes: Uint8Array,
  inputs: readonly ElementsByName[],
): Promise<readonly ElementsByName[]> {
  const model = openReference(bytes);
  const outputs: ElementsByName[] = [];
  for (const [index, { key }] of model.signatures.entries()) {
    outputs.push(await model.run(inputs[index]!, key));
  }
  return outputs;
}

/** Compares the outputs that the first file names; a signature written anew names all of them. */
function assertAllOutputs(actual: readonly ElementsByName[], expected: readonly ElementsByName[]) {
  assert.equal(actual.length, expected.length);
  expected.forEach((wanted, index) => {
    const named = Object.keys(wanted).map((name) => [name, actual[index]![name]!] as const);
    assertOutputs(Object.fromEntries(named), wanted, TOLERANCE);
  });
}

suite('files of others', needsShared(FOLDER), () => {
  for (const name of files) {
    test(`${name}: written again and rewritten, computes the same`, async (t) => {
      const bytes = readFileSync(shared(`${FOLDER}/${name}`));
      const refusal = refusalOf(bytes);
      if (refusal !== null) {
        assert.ok(['UNSUPPORTED', 'INVALID_MODEL'].includes(refusal.code), refusal.format());
        t.diagnostic(`refused: ${refusal.message}`);
        return;
      }
      const written = emit(importTflite(bytes));
      assert.deepEqual(emit(importTflite(written)), written, 'writing is stable');
      const program = importTflite(bytes);
      checkProgram(program);
      optimize(program, { checkEveryPatch: true });
      checkProgram(program);
      const rewritten = emit(program);

      const inputs = inputsOf(bytes);
      let expected: readonly ElementsByName[];
      try {
        expected = await outputsOf(bytes, inputs);
      } catch (error) {
        assert.ok(error instanceof LinnetError, String(error));
        t.diagnostic(`the reference does not run it: ${error.message}`);
        return;
      }
      assertAllOutputs(await outputsOf(written, inputs), expected);
      assertAllOutputs(await outputsOf(rewritten, inputs), expected);
    });
  }
});
