/** What a page downloads before its first inference. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BUILDS } from '@linnet/runtime-wasm';
import { type BundledFile, bundleRuntime } from '../../browser/bundle.mjs';
import { temporaryFolder } from '../support/linnet.js';

/** Bytes, gzip -9, of the JavaScript and one build of the kernels. */
const LIMIT = 200_000;

/** Bytes, gzip -9, of all JavaScript, what is fetched only when used included. */
const SCRIPT_LIMIT = 113_000;

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

  for (const [build, { shared }] of Object.entries(BUILDS)) {
    test(`with the build ${build}`, () => {
      const scripts = closure('index.js', false);
      if (shared) closure('worker.js', false, scripts);
      const bytes = bytesOf([...scripts, `wasm/${build}.wasm`]);
      assert.ok(bytes < LIMIT, `${bytes} bytes`);
    });
  }

  test('WebGPU and tuning are chunks of their own', () => {
    const [first, all] = [closure('index.js', false), closure('index.js', true)];
    assert.ok(first.size < all.size);
    for (const text of ['@compute', 'linnetTuning']) {
      assert.ok(![...first].some((file) => readFileSync(folder.path(file), 'utf8').includes(text)));
    }
    const bytes = bytesOf(all);
    assert.ok(bytes < SCRIPT_LIMIT, `${bytes} bytes`);
  });
});
