/** Models as downloads: chunks by path and by URL, and what is said when one is damaged or missing. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { type ErrorCode, LinnetError, loadModel, type Model } from '@linnet/runtime-web';
import { CHUNK_BYTES } from '@linnet/schema/download';
import { compressModel } from '../../../converter/dist/compress.js';
import { fixturePath } from '../support/fixtures.js';
import { linnet, temporaryFolder } from '../support/linnet.js';
import { FIXTURES } from '../support/paths.js';

const folder = temporaryFolder();
const MODEL = folder.path('digits.tflite');
const MANIFEST = `${MODEL}.json`;
const inputs = { inputs: new Float32Array(64).fill(0.5) };
let server: Server;
let base: string;

before(async () => {
  const { status, out } = linnet(
    ...['convert', fixturePath('cnn/save'), '-o', MODEL, '--quantize', 'int8', '--compress'],
    ...['--prune', '0.5', '--calibration-data', `${FIXTURES}/calibration.npz`],
  );
  assert.equal(status, 0);
  assert.match(out, /digits.tflite.json: a download of [\d.]+ kB in 1 chunk/);
  server = createServer((request, response) => {
    try {
      response.end(readFileSync(folder.path((request.url ?? '').slice(1))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  base = `http://localhost:${(server.address() as AddressInfo).port}/`;
});
after(() => {
  server.close();
  folder[Symbol.dispose]();
});

async function outputsOf(model: Model) {
  using loaded = model;
  return await loaded.run(inputs);
}

async function refuses(source: Parameters<typeof loadModel>[0], code: ErrorCode, message: RegExp) {
  await assert.rejects(loadModel(source), (error) => {
    assert.ok(error instanceof LinnetError);
    assert.equal(error.code, code, error.format());
    assert.match(error.format(), message);
    return true;
  });
}

/** The path of the only chunk. */
function chunkPath(): string {
  const file = readdirSync(folder.path('.')).find((name) => name.endsWith('.chunk'));
  return folder.path(file as string);
}

suite('downloads', () => {
  test('a pruned int8 model is at most 0.6 of its file', () => {
    const size = readFileSync(chunkPath()).length + readFileSync(MANIFEST).length;
    assert.ok(size <= 0.6 * readFileSync(MODEL).length, `${size}`);
  });

  test('load by path, URL and Response as the model itself does', async () => {
    const expected = await outputsOf(await loadModel(MODEL));
    const url = `${base}digits.tflite.json`;
    for (const source of [MANIFEST, url, new URL(url), await fetch(url)]) {
      assert.deepEqual(await outputsOf(await loadModel(source)), expected);
    }
  });

  test('progress counts the bytes of chunks', async () => {
    const stored = readFileSync(chunkPath()).length;
    let last: { loaded: number; total: number | undefined } | undefined;
    const model = await loadModel(MANIFEST, {
      onProgress: ({ phase, loaded, total }) => {
        if (phase === 'read') last = { loaded, total };
      },
    });
    model.dispose();
    assert.deepEqual(last, { loaded: stored, total: stored });
  });

  test('chunks that are damaged, cut off, swapped or missing are named', async () => {
    const path = chunkPath();
    const name = path.split('/').at(-1) as string;
    const whole = readFileSync(path);
    try {
      writeFileSync(path, whole.subarray(0, -1));
      await refuses(MANIFEST, 'INVALID_MODEL', /damaged: it has \d+ bytes instead of/);
      const flipped = Uint8Array.from(whole);
      flipped[100]! ^= 1;
      writeFileSync(path, flipped);
      await refuses(`${base}digits.tflite.json`, 'INVALID_MODEL', /damaged: its SHA-256/);
      writeFileSync(path, whole);
      const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8'));
      manifest.chunks[0].bytes += 1;
      writeFileSync(folder.path('wrong.json'), JSON.stringify(manifest));
      await refuses(folder.path('wrong.json'), 'INVALID_MODEL', /does not hold \d+ bytes/);
      manifest.chunks[0].file = '../digits.chunk';
      writeFileSync(folder.path('outside.json'), JSON.stringify(manifest));
      await refuses(folder.path('outside.json'), 'INVALID_MODEL', /does not list its chunks/);
      manifest.chunks[0].file = 'nowhere.chunk';
      writeFileSync(folder.path('missing.json'), JSON.stringify(manifest));
      await refuses(folder.path('missing.json'), 'IO', /nowhere\.chunk/);
      await refuses(`${base}missing.json`, 'IO', /status 404/);
    } finally {
      writeFileSync(path, whole);
    }
    assert.ok(name.startsWith('digits-tflite.'));
  });

  test('a manifest without an address is refused', async () => {
    await refuses(new Uint8Array(readFileSync(MANIFEST)), 'INVALID_ARGUMENT', /not where/);
  });

  test('large models come in several chunks, named after their contents', () => {
    const model = new Uint8Array(2 * CHUNK_BYTES + 5);
    model[CHUNK_BYTES] = 1;
    const files = [...compressModel(model, 'large.tflite').keys()];
    assert.equal(files.length, 4);
    assert.deepEqual(files, [...compressModel(model, 'large.tflite').keys()]);
    assert.match(files[0]!, /^large-tflite\.[0-9a-f]{16}\.chunk$/);
  });
});
