/** What is done to damaged files. */
import { convert, filesSource } from '@linnet/converter';
import { elementCount } from '@linnet/schema';
import { openWasm } from '../support/runs.js';
import { seededInputs } from '../support/seeded-inputs.js';
import type { Files } from './fuzz.js';

/** Models may loop for ever: then the caller ends the run. */
const RUN_TIMEOUT_MS = 1000;

/** Inputs beyond this are not made: the model is only loaded. */
const MOST_INPUT_ELEMENTS = 1e6;

async function loadAndRun(bytes: Uint8Array): Promise<void> {
  const model = await openWasm(bytes);
  try {
    for (const { key, inputs } of model.signatures) {
      const elements = inputs.map(({ shape }) =>
        elementCount(shape.map((dim) => Math.max(dim, 1))),
      );
      if (elements.some((count) => count === undefined || count > MOST_INPUT_ELEMENTS)) continue;
      await model.run(seededInputs(inputs, 1), key, AbortSignal.timeout(RUN_TIMEOUT_MS));
    }
  } finally {
    model.dispose();
  }
}

export const TARGETS = {
  /** Loads and runs a .tflite file. */
  'the runtime': async (files: Files) => {
    for (const bytes of Object.values(files)) await loadAndRun(bytes);
  },
  /** Converts a .tflite file. */
  'the TFLite reader': async (files: Files) => {
    for (const bytes of Object.values(files)) await convert(bytes, { optimize: 'default' });
  },
  /** Converts a SavedModel, or a frozen graph where there is one file, and runs what comes out. */
  'the TensorFlow importer': async (files: Files) => {
    const names = Object.keys(files);
    const source = filesSource('model', files, names.length === 1 ? names[0] : null);
    const { bytes } = await convert(source, { optimize: 'default' });
    await loadAndRun(bytes);
  },
} as const;

export type Target = keyof typeof TARGETS;
