/** Damaged SavedModels: a model or a LinnetError, soon, and never anything else. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LinnetError } from '@linnet/schema';
import { openModel } from '../../../converter/dist/formats/index.js';
import { filesSource } from '../../../converter/dist/formats/source.js';
import { FIXTURES } from '../support/paths.js';

const MUTATIONS = 300;
const SEED = Number(process.env.LINNET_SEED ?? Date.now() % 2 ** 31);
/** Far more than an intact model takes. */
const LIMIT_MS = 5000;

const MODEL = 'saved_model.pb';
const PARTS = [MODEL, 'variables/variables.index', 'variables/variables.data-00000-of-00001'];

/** mulberry32: a small generator of 32-bit numbers that a seed repeats. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

function damage(original: Uint8Array, next: () => number): Uint8Array {
  if (next() % 8 === 0) return original.subarray(0, next() % original.length);
  const bytes = original.slice();
  for (let change = 1 + (next() % 6); change > 0; change--) {
    bytes[next() % bytes.length] = [0, 1, 0x7f, 0x80, 0xff, next()][next() % 6]!;
  }
  return bytes;
}

for (const name of ['cnn/save', 'attention/export', 'zoo/shapes']) {
  test(`${name} survives ${MUTATIONS} mutations of seed ${SEED}`, async () => {
    const next = random(SEED);
    const files = Object.fromEntries(
      PARTS.map((part) => [part, new Uint8Array(readFileSync(join(FIXTURES, name, part)))]),
    );
    for (let mutation = 0; mutation < MUTATIONS; mutation++) {
      const part = next() % 4 === 0 ? PARTS[next() % PARTS.length]! : MODEL;
      const damaged = { ...files, [part]: damage(files[part]!, next) };
      const what = `seed ${SEED}, mutation ${mutation} of ${part}`;
      const started = performance.now();
      try {
        await openModel(filesSource(name, damaged));
      } catch (error) {
        const isRefusal = error instanceof LinnetError && error.code !== 'INTERNAL';
        assert(isRefusal, `${what}: ${error instanceof Error ? error.stack : error}`);
      }
      const milliseconds = performance.now() - started;
      assert(milliseconds < LIMIT_MS, `${what}: ${milliseconds.toFixed(0)} ms`);
    }
  });
}
