/** What a page downloads before its first inference. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BUILDS } from '@linnet/runtime-wasm';
import { bundleRuntime } from '../../browser/bundle.mjs';
import { temporaryFolder } from '../support/linnet.js';

/** Bytes, gzip -9, of the JavaScript and one build of the kernels. */
const LIMIT = 200_000;

const folder = temporaryFolder();
const zipped = (file: string) => gzipSync(readFileSync(folder.path(file)), { level: 9 }).length;

suite('the download of the runtime', () => {
  before(() => bundleRuntime(folder.path('.')));
  after(() => folder[Symbol.dispose]());

  for (const [build, { shared }] of Object.entries(BUILDS)) {
    test(`with the build ${build}`, () => {
      const files = ['index.js', `wasm/${build}.wasm`, ...(shared ? ['worker.js'] : [])];
      const bytes = files.reduce((sum, file) => sum + zipped(file), 0);
      assert.ok(bytes < LIMIT, `${bytes} bytes`);
    });
  }
});
