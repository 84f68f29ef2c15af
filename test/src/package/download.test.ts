/** What a page downloads before its first inference. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { BUILDS, type Build } from '@linnet/runtime-wasm/build';
import { temporaryFolder } from '../support/linnet.js';
import { ROOT } from '../support/paths.js';
import { Download, type DownloadSizes } from './measure-download.js';

/** What was measured last: `npm run download-sizes -w test` writes it. */
const RECORDED = JSON.parse(
  readFileSync(join(ROOT, 'test/download-sizes.json'), 'utf8'),
) as DownloadSizes;

/** How far sizes may grow before they are to be recorded, and so looked at, anew. */
const TOLERANCE = 1.01;

/** Bytes, gzip -9, of the JavaScript and one build of the kernels, for models of all families. */
const LIMIT = 200_000;

/** The same of the JavaScript that classifies pictures on a GPU. */
const GPU_LIMIT = 70_000;

/** The same of the JavaScript that a page has before it asks for the model. */
const ENTRY_LIMIT = 4_500;

/** Files that a page with a GPU fetches at most: more cost requests, and compress worse. */
const MOST_FILES = 12;

const folder = temporaryFolder();

suite('the download of the runtime', () => {
  let download: Download;
  let sizes: DownloadSizes;
  before(async () => {
    download = await Download.make(folder.path('.'));
    sizes = download.sizes();
  });
  after(() => folder[Symbol.dispose]());

  function assertGrowth(found: number, recorded: number | undefined) {
    assert.ok(
      recorded !== undefined && found <= TOLERANCE * recorded,
      `${found} bytes instead of ${recorded}; if they are worth it: npm run download-sizes -w test`,
    );
  }

  for (const build of Object.keys(BUILDS) as Build[]) {
    test(`with the build ${build}`, () => {
      assert.ok(sizes.everything[build] < LIMIT, `${sizes.everything[build]} bytes`);
      assertGrowth(sizes.everything[build], RECORDED.everything[build]);
    });
  }

  for (const model of Object.keys(RECORDED.scripts)) {
    for (const backend of ['wasm', 'webgpu'] as const) {
      test(`the scripts for a ${model} model on ${backend}`, () => {
        assertGrowth(sizes.scripts[model]![backend], RECORDED.scripts[model]![backend]);
      });
    }
  }

  test('WebGPU and all that classifies pictures with it is small', () => {
    const { webgpu } = sizes.scripts['classifier of pictures']!;
    assert.ok(webgpu <= GPU_LIMIT, `${webgpu} bytes`);
  });

  test('the model need not wait for more than a small part of the scripts', () => {
    assert.ok(sizes.entry < ENTRY_LIMIT, `${sizes.entry} bytes`);
  });

  test('the runtime comes in few files', () => {
    const count = download.scripts(['window'], false, true).size;
    assert.ok(count <= MOST_FILES, `${count} files`);
  });

  test('WebGPU, tuning and workers are fetched for nothing else', () => {
    for (const file of download.allScripts()) {
      const script = readFileSync(folder.path(file), 'utf8');
      for (const text of ['@compute', 'linnetTuning', 'number of workers'])
        assert.ok(!script.includes(text), file);
    }
  });
});
