/** Damaged files end in a result or a typed error. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { convertFixture, fixturePath, models } from '../support/fixtures.js';
import { shared } from '../support/paths.js';
import { type Files, fuzz } from './fuzz.js';
import { mutateBytes } from './mutate-bytes.js';
import { mutateModel } from './mutate-model.js';
import { mutateProto } from './mutate-proto.js';

/** Larger files are mostly weights, where damage changes nothing but numbers. */
const LARGEST_FILE = 50_000;

/** Damaged already. */
const BROKEN = [
  'litert__tflite__testdata__0_subgraphs.bin',
  'litert__tflite__testdata__no_subgraphs.bin',
];

const OTHERS = shared('conformance/tflite');

const bytesOf = (path: string) => new Uint8Array(readFileSync(path));

async function tfliteFiles(): Promise<readonly Files[]> {
  const files: Files[] = [];
  for (const [path] of models) {
    for (const optimize of ['none', 'default'] as const) {
      const { bytes } = await convertFixture(path, { optimize });
      if (bytes.length <= LARGEST_FILE) files.push({ [`${optimize}.tflite`]: bytes });
    }
  }
  const others = existsSync(OTHERS) ? readdirSync(OTHERS) : [];
  for (const name of others) {
    const path = join(OTHERS, name);
    if (statSync(path).size > LARGEST_FILE || BROKEN.includes(name)) continue;
    files.push({ [name]: bytesOf(path) });
  }
  return files;
}

/** The files of each fixture as its writer left them; checksums guard the weights. */
function tensorFlowModels(): readonly Files[] {
  return models.map(([path]) => {
    const root = fixturePath(path);
    if (statSync(root).isFile()) return { 'frozen.pb': bytesOf(root) };
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => statSync(join(root, name)).isFile());
    return Object.fromEntries(files.map((name) => [name, bytesOf(join(root, name))]));
  });
}

suite('damaged files', () => {
  let tflite: readonly Files[];
  before(async () => {
    tflite = await tfliteFiles();
  });

  for (const mutate of [mutateBytes, mutateModel]) {
    test(`the runtime on .tflite files, ${mutate.name}`, () => fuzz('the runtime', tflite, mutate));
    test(`the converter on .tflite files, ${mutate.name}`, () =>
      fuzz('the TFLite reader', tflite, mutate));
  }
  for (const mutate of [mutateBytes, mutateProto]) {
    test(`the converter on SavedModels and frozen graphs, ${mutate.name}`, () =>
      fuzz('the TensorFlow importer', tensorFlowModels(), mutate));
  }
});
