/** What a page downloads before its first inference. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BUILDS } from '@linnet/runtime-wasm/build';
import { FAMILIES, type FamilyName } from '@linnet/schema';
import { type BundledFile, bundleRuntime } from '../../browser/bundle.mjs';
import { temporaryFolder } from '../support/linnet.js';
import { ROOT } from '../support/paths.js';

/** Bytes, gzip -9, of the JavaScript and one build of the kernels, for models of all families. */
const LIMIT = 200_000;

/** Bytes, gzip -9, of the JavaScript for models with ops of some families beside the core's, of float32 or with integers. */
const SCRIPT_LIMITS: readonly (readonly [
  model: string,
  families: readonly FamilyName[],
  integers: boolean,
  wasm: number,
  webgpu: number,
])[] = [
  ['classifier of pictures', ['window'], false, 60_550, 86_300],
  ['quantized classifier', ['window'], true, 67_450, 98_550],
  ['segmentation', ['window', 'movement', 'layout', 'reduction'], false, 74_350, 106_900],
  ['encoder', ['movement', 'reduction'], false, 63_750, 91_150],
  ['recurrent', ['recurrent'], false, 58_750, 84_300],
];

/** Bytes, gzip -9, of the JavaScript that a page has before it asks for the model. */
const ENTRY_LIMIT = 4_500;

/** Files that the runtime is divided into: more cost requests, and compress worse. */
const MOST_FILES = 39;

const folder = temporaryFolder();
const zipped = (file: string) => gzipSync(readFileSync(folder.path(file)), { level: 9 }).length;
const bytesOf = (files: Iterable<string>) =>
  [...files].reduce((sum, file) => sum + zipped(file), 0);

suite('the download of the runtime', () => {
  let files: Readonly<Record<string, BundledFile>>;
  before(async () => {
    files = await bundleRuntime(folder.path('.'), join(ROOT, 'test/browser/load-model.mjs'));
  });
  after(() => folder[Symbol.dispose]());

  /** What loading a script loads with it, and where `dynamic`, what it may load later. */
  function closure(script: string, dynamic: boolean, seen = new Set<string>()): Set<string> {
    if (seen.has(script)) return seen;
    seen.add(script);
    const { statically, dynamically } = files[script] as BundledFile;
    const next = dynamic ? [...statically, ...dynamically] : statically;
    for (const other of next) closure(other, dynamic, seen);
    return seen;
  }

  /** What a page fetches for a model with ops of some families, and with integers or without. */
  function scripts(families: readonly FamilyName[], integers: boolean, gpu: boolean): Set<string> {
    const parts = integers ? [...families, 'integers'] : families;
    const ops = parts.map((part) => `ops/${part}.js`);
    const modules = ['prepare.js', ...ops];
    if (gpu) modules.push('gpu.js', ...ops.map((module) => `webgpu/${module}`));
    const seen = closure('index.js', false);
    for (const [file, { source }] of Object.entries(files)) {
      if (source !== null && modules.includes(source)) closure(file, false, seen);
    }
    return seen;
  }

  for (const [build, { shared }] of Object.entries(BUILDS)) {
    test(`with the build ${build}`, () => {
      const all = scripts(Object.keys(FAMILIES) as FamilyName[], true, false);
      if (shared) all.add('worker.js');
      const bytes = bytesOf([...all, `wasm/${build}.wasm`]);
      assert.ok(bytes < LIMIT, `${bytes} bytes`);
    });
  }

  for (const [model, families, integers, ...limits] of SCRIPT_LIMITS) {
    for (const [backend, limit] of [
      ['WASM', limits[0]],
      ['WebGPU', limits[1]],
    ] as const) {
      test(`the scripts for a ${model} model on ${backend}`, () => {
        const bytes = bytesOf(scripts(families, integers, backend === 'WebGPU'));
        assert.ok(bytes < limit, `${bytes} bytes`);
      });
    }
  }

  test('the model need not wait for more than a small part of the scripts', () => {
    const bytes = bytesOf(closure('index.js', false));
    assert.ok(bytes < ENTRY_LIMIT, `${bytes} bytes`);
  });

  test('the runtime is few files', () => {
    const count = closure('index.js', true).size;
    assert.ok(count <= MOST_FILES, `${count} files`);
  });

  test('WebGPU, tuning and workers are fetched for nothing else', () => {
    for (const file of scripts(Object.keys(FAMILIES) as FamilyName[], true, false)) {
      const script = readFileSync(folder.path(file), 'utf8');
      for (const text of ['@compute', 'linnetTuning', 'number of workers'])
        assert.ok(!script.includes(text), file);
    }
  });
});
