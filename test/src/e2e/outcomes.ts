/** What becomes of a .tflite file that others made: it runs as the reference does, or is refused. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LinnetError } from '@linnet/runtime-web';
import { assertOutputs, type ElementsByName } from '../support/outputs.js';
import { ROOT, shared } from '../support/paths.js';
import { openReference, openWasm } from '../support/runs.js';
import { seededInputs } from '../support/seeded-inputs.js';

export type Outcome =
  | { readonly file: string; readonly outcome: 'runs' }
  | {
      readonly file: string;
      readonly outcome: 'refused';
      readonly code: string;
      readonly reason: string;
    };

/** Folders of ../shared, with the extensions of the models in them. */
export const FOLDERS = { 'conformance/tflite': /\.(tflite|bin)$/, models: /\.tflite$/ } as const;

/** Where the outcomes that hold are committed. */
export const OUTCOMES_FILE = join(ROOT, 'test/conformance/outcomes.json');

export function committedOutcomes(): readonly Outcome[] {
  return JSON.parse(readFileSync(OUTCOMES_FILE, 'utf8'));
}

const SEED = 20240;

/** Between the runtime and the reference: float32 sums in another order, and one quantized step. */
const LIMITS = { tolerance: 1e-5, steps: 1 };

/** Inputs of more elements take the naive reference too long. */
const MOST_REFERENCE_ELEMENTS = 1e6;

const int32 = (shape: readonly number[], ...values: readonly number[]) => ({
  dtype: 'int32',
  shape,
  data: Int32Array.from(values),
});

/** Inputs for models that take no arbitrary ones: indices, sizes and divisors that fit. */
const FITTING_INPUTS: Readonly<Record<string, ElementsByName>> = {
  'conformance/tflite/aeq__single_slice.tflite': {
    begin: int32([3], 1, 0, 2),
    size: int32([3], 1, 2, -1),
    input_tensor: {
      dtype: 'float32',
      shape: [2, 3, 4],
      data: Float32Array.from({ length: 24 }, (_, i) => i),
    },
  },
  'conformance/tflite/litert__litert__test__testdata__simple_floor_mod.tflite': {
    arg0: int32([5], 7, -7, 7, -7, 0),
    arg1: int32([5], 3, 3, -3, -3, 5),
  },
  'conformance/tflite/litert__litert__test__testdata__simple_scatter_nd_op.tflite': {
    arg0: int32([2, 4], 0, 1, 2, 3, 0, 127, 3, 127),
  },
};

/** Paths of all models, relative to ../shared. */
export function modelFiles(): readonly string[] {
  return Object.entries(FOLDERS).flatMap(([folder, pattern]) =>
    readdirSync(shared(folder))
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => `${folder}/${name}`),
  );
}

/**
 * Loads a model and runs every signature of it on seeded inputs.
 *
 * @throws AssertionError when runtime and reference disagree, and whatever is no LinnetError
 */
export async function outcomeOf(file: string): Promise<Outcome> {
  const bytes = new Uint8Array(readFileSync(shared(file)));
  try {
    await runAll(file, bytes);
    return { file, outcome: 'runs' };
  } catch (error) {
    if (!(error instanceof LinnetError) || error.code === 'INTERNAL') throw error;
    const [reason = ''] = [error.message, ...error.notes.slice(0, 1)].join(' ').split('\n');
    return { file, outcome: 'refused', code: error.code, reason };
  }
}

async function runAll(file: string, bytes: Uint8Array): Promise<void> {
  const model = await openWasm(bytes);
  try {
    const reference = openReference(bytes);
    for (const { key, inputs } of model.signatures) {
      const given = FITTING_INPUTS[file] ?? seededInputs(inputs, SEED);
      const outputs = await model.run(given, key);
      if (Object.values(given).some(({ data }) => data.length > MOST_REFERENCE_ELEMENTS)) continue;
      assertOutputs(outputs, await reference.run(given, key), LIMITS);
    }
  } finally {
    model.dispose();
  }
}
