/** The bundled runtime in Chromium, under a strict content security policy. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type LoadOptions, loadModel, type ModelInfo } from '@linnet/runtime-web';
import { build } from 'esbuild';
import type { Browser } from 'playwright';
import { launchBrowser } from '../../browser/launch.mjs';
import { serve } from '../../browser/server.mjs';
import { file, graph, node, tensor } from './models.js';

const runtime = dirname(fileURLToPath(import.meta.resolve('@linnet/runtime-web')));
const kernels = dirname(fileURLToPath(import.meta.resolve('@linnet/runtime-wasm')));

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";

const SIZE = 3000;
const model = file([
  graph({
    tensors: ['x', 'e', 'y'].map((name) => tensor(name, 'float32', [SIZE])),
    operators: [node('EXP', [0], [1]), node('TANH', [1], [2])],
    inputs: [0],
    outputs: [2],
  }),
]);
const input = Float32Array.from({ length: SIZE }, (_, i) => Math.sin(i));

/** What the page under test answers. */
interface Answer {
  readonly y: number[];
  readonly info: ModelInfo;
}

const PAGE = `
import { loadModel } from './index.js';
globalThis.runModel = async (options) => {
  const model = await loadModel('model.tflite', options);
  const x = Float32Array.from({ length: ${SIZE} }, (_, i) => Math.sin(i));
  let y;
  for (let i = 0; i < 20; i++) ({ y } = await model.run({ x }));
  const { info } = model;
  model.dispose();
  return { y: Array.from(y.data), info };
};
globalThis.runInWorker = (options) => new Promise((resolve, reject) => {
  const worker = new Worker('./inner.js', { type: 'module' });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage(options);
});
`;

const INNER = `
import './page.js';
onmessage = async ({ data }) => postMessage(await globalThis.runModel(data));
`;

suite('in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-browser-'));
  let browser: Browser;

  before(async () => {
    await build({
      entryPoints: [join(runtime, 'index.js')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      outfile: join(folder, 'index.js'),
      logLevel: 'error',
    });
    await build({
      entryPoints: [join(runtime, 'wasm/worker.js')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      outfile: join(folder, 'worker.js'),
      logLevel: 'error',
    });
    cpSync(join(kernels, 'wasm'), join(folder, 'wasm'), { recursive: true });
    writeFileSync(join(folder, 'model.tflite'), model);
    writeFileSync(join(folder, 'page.js'), PAGE);
    writeFileSync(join(folder, 'inner.js'), INNER);
    writeFileSync(
      join(folder, 'index.html'),
      '<!doctype html><script type="module" src="page.js"></script>',
    );
    browser = await launchBrowser();
  });

  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function inPage(
    isolated: boolean,
    inWorker: boolean,
    options: LoadOptions,
  ): Promise<Answer> {
    const server = await serve(
      { '/': folder },
      { isolated, headers: { 'content-security-policy': POLICY } },
    );
    const page = await browser.newPage();
    try {
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      await page.goto(`${server.origin}/index.html`);
      await page.waitForFunction('globalThis.runModel !== undefined');
      const call = `${inWorker ? 'runInWorker' : 'runModel'}(${JSON.stringify(options)})`;
      const answer = (await page.evaluate(call)) as Answer;
      assert.deepEqual(errors, []);
      return answer;
    } finally {
      await page.close();
      await server.close();
    }
  }

  async function expected(): Promise<Float32Array> {
    using single = await loadModel(model);
    return (await single.run([input])).y?.data as Float32Array;
  }

  /** Chromium has relaxed SIMD, whose fused products may round otherwise than Node's. */
  function assertClose(actual: readonly number[], wanted: Float32Array): void {
    assert.equal(actual.length, wanted.length);
    wanted.forEach((value, i) => {
      assert.ok(
        Math.abs((actual[i] as number) - value) <= 1e-6,
        `element ${i}: ${actual[i]} is not ${value}`,
      );
    });
  }

  test('on one thread without cross-origin isolation, with the reason', async () => {
    const { y, info } = await inPage(false, false, { threads: 4 });
    assert.equal(info.threads, 1);
    assert.match(info.threadsReason, /not cross-origin isolated/);
    assertClose(y, await expected());
  });

  test('on several threads in an isolated page, with the same bits as on one', async () => {
    const several = await inPage(true, false, { threads: 2 });
    const single = await inPage(true, false, {});
    assert.ok(several.info.threads === 2 || several.info.threadsReason.includes('cores'));
    assert.deepEqual(several.y, single.y);
    assertClose(several.y, await expected());
  });

  test('in a worker', async () => {
    const { y, info } = await inPage(true, true, { threads: 2 });
    assert.ok(info.threads === 2 || info.threadsReason.includes('cores'));
    assertClose(y, await expected());
  });
});
