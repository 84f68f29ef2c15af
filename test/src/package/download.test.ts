/** What a page downloads before its first inference. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BUILDS } from '@linnet/runtime-wasm/build';
import { FAMILIES, type FamilyName } from '@linnet/schema';
import { type BundledFile, bundleRuntime } from '../../browser/bundle.mjs';
import { temporaryFolder } from '../support/linnet.js';

/** Bytes, gzip -9, of the JavaScript and one build of the kernels, for models of all families. */
const LIMIT = 200_000;

/** Bytes, gzip -9, of the JavaScript for models with ops of some families beside the core's. */
const SCRIPT_LIMITS: readonly (readonly [
  model: string,
  families: readonly FamilyName[],
  wasm: number,
  webgpu: number,
])[] = [
  ['classifier of pictures', ['window'], 78_000, 102_000],
  ['segmentation', ['window', 'layout', 'reduction'], 85_000, 112_500],
  ['encoder', ['reduction'], 74_000, 97_000],
  ['recurrent', ['recurrent'], 75_000, 96_000],
];

/** Files that the runtime is divided into: more cost requests, and compress worse. */
const MOST_FILES = 23;

const folder = temporaryFolder();
const zipped = (file: string) => gzipSync(readFileSync(folder.path(file)), { level: 9 }).length;
const bytesOf = (files: Iterable<string>) =>
  [...files].reduce((sum, file) => sum + zipped(file), 0);

suite('the download of the runtime', () => {
  let files: Readonly<Record<string, BundledFile>>;
  before(async () => {
    files = await bundleRuntime(folder.path('.'));
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

  /** What a page fetches for a model with ops of some families. */
  function scripts(families: readonly FamilyName[], gpu: boolean): Set<string> {
    const modules = families.map((family) => `ops/${family}.js`);
    if (gpu) modules.push('webgpu/index.js', ...modules.map((module) => `webgpu/${module}`));
    const seen = closure('index.js', false);
    for (const [file, { source }] of Object.entries(files)) {
      if (source !== null && modules.includes(source)) closure(file, false, seen);
    }
    return seen;
  }

  for (const [build, { shared }] of Object.entries(BUILDS)) {
    test(`with the build ${build}`, () => {
      const all = scripts(Object.keys(FAMILIES) as FamilyName[], false);
      if (shared) closure('worker.js', false, all);
      const bytes = bytesOf([...all, `wasm/${build}.wasm`]);
      assert.ok(bytes < LIMIT, `${bytes} bytes`);
    });
  }

  for (const [model, families, ...limits] of SCRIPT_LIMITS) {
    for (const [backend, limit] of [
      ['WASM', limits[0]],
      ['WebGPU', limits[1]],
    ] as const) {
      test(`the scripts for a ${model} model on ${backend}`, () => {
        const bytes = bytesOf(scripts(families, backend === 'WebGPU'));
        assert.ok(bytes < limit, `${bytes} bytes`);
      });
    }
  }

  test('the families of ops are few files', () => {
    const count = closure('index.js', true).size;
    assert.ok(count <= MOST_FILES, `${count} files`);
  });

  test('WebGPU and tuning are fetched for nothing else', () => {
    for (const file of scripts(Object.keys(FAMILIES) as FamilyName[], false)) {
      const script = readFileSync(folder.path(file), 'utf8');
      for (const text of ['@compute', 'linnetTuning']) assert.ok(!script.includes(text), file);
    }
  });
});
