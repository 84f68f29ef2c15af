/** Models on workers that share no memory: the same answers, typed errors, and nothing that hangs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import type { Worker } from 'node:worker_threads';
import {
  type ErrorCode,
  LinnetError,
  type LoadOptions,
  loadModel,
  type Model,
} from '@linnet/runtime-web';
import { doubling, file, graph, node, tensor } from '../runtime/models.js';
import { convertFixture } from '../support/fixtures.js';
import { temporaryFolder } from '../support/temporary.js';
import { openChoices, tuningOf } from '../tune/forced.js';

setFlagsFromString('--experimental-wasm-relaxed-simd');

const { bytes } = await convertFixture('cnn/export');
const images = Array.from({ length: 6 }, (_, n) =>
  Float32Array.from({ length: 64 }, (_, i) => Math.sin(i + 10 * n)),
);

const isError =
  (code: ErrorCode, message = /./) =>
  (error: unknown) =>
    error instanceof LinnetError && error.code === code && message.test(error.message);

/** The workers that Node starts while something is done. */
async function workersOf<T>(task: () => Promise<T>): Promise<readonly [T, readonly Worker[]]> {
  const workers: Worker[] = [];
  const take = (worker: Worker) => workers.push(worker);
  process.on('worker', take);
  try {
    return [await task(), workers];
  } finally {
    process.off('worker', take);
  }
}

/** Waits until workers have ended. */
async function allEnded(workers: readonly Worker[]): Promise<void> {
  for (const worker of workers) {
    if (worker.threadId !== -1) await once(worker, 'exit');
  }
}

/** A model whose run takes a while: products of matrices. */
function slow(size: number, layers: number): Uint8Array {
  const shape = [size, size];
  const weights = new Float32Array(size * size).fill(1 / size);
  const tensors = [tensor('x', 'float32', shape), tensor('weights', 'float32', shape, weights)];
  const operators = Array.from({ length: layers }, (_, layer) => {
    tensors.push(tensor(`layer ${layer}`, 'float32', shape));
    return node('FULLY_CONNECTED', [layer === 0 ? 0 : layer + 1, 1, -1], [layer + 2]);
  });
  return file([graph({ tensors, operators, inputs: [0], outputs: [layers + 1] })]);
}

const SIZE = 256;
const slowBytes = slow(SIZE, 40);
const slowInput = new Float32Array(SIZE * SIZE).fill(1);

suite('a model on two workers', () => {
  let one: Model;
  let two: Model;
  before(async () => {
    [one, two] = await Promise.all([loadModel(bytes), loadModel(bytes, { workers: 2 })]);
  });
  after(() => {
    for (const model of [one, two]) model.dispose();
  });

  test('is described as it is', () => {
    assert.deepEqual(two.signatures, one.signatures);
    assert.deepEqual([two.inputs, two.outputs, two.device], [one.inputs, one.outputs, null]);
    assert.deepEqual([one.info.workers, two.info.workers], [0, 2]);
    assert.equal(two.info.build, one.info.build);
  });

  test('gives the answers of one instance, in the order of the calls', async () => {
    const expected: unknown[] = [];
    for (const image of images) expected.push(await one.run([image]));
    assert.deepEqual(await Promise.all(images.map((image) => two.run([image]))), expected);
    assert.equal(two.info.memory.constants, 2 * one.info.memory.constants);
    assert.ok(two.info.memory.arena >= one.info.memory.arena);
  });

  test('takes inputs of every kind, and leaves them to the caller', async () => {
    const [image] = images as [Float32Array];
    const expected = await one.run([image]);
    const large = new Float32Array(1000);
    large.set(image, 100);
    const part = large.subarray(100, 164);
    const shared = new Float32Array(new SharedArrayBuffer(image.byteLength));
    shared.set(image);
    const inputs = [
      { image },
      { image: { data: image, shape: [1, 8, 8, 1] } },
      [part],
      [shared],
      [Array.from(image)],
    ];
    for (const input of inputs) assert.deepEqual(await two.run(input), expected);
    assert.deepEqual([image.length, large.length], [64, 1000]);
  });

  test('refuses what one instance refuses, and goes on', async () => {
    const wrong: readonly (readonly [message: RegExp, inputs: unknown, signature?: string])[] = [
      [/takes float32/, [new Float32Array(3)]],
      [/takes 1 inputs, but was given 2/, [images[0], images[1]]],
      [/no input "picture"/, { picture: images[0] }],
      [/no signature "train"/, [images[0]], 'train'],
      [/cannot be passed/, [() => 1]],
      [/by name, or as an array/, null],
      [/by name, or as an array/, images[0]],
    ];
    for (const [message, inputs, signature] of wrong) {
      const run = two.run(inputs as never, signature === undefined ? {} : { signature });
      await assert.rejects(run, isError('INVALID_ARGUMENT', message), String(message));
    }
    await assert.rejects(two.runOnDevice([]), isError('INVALID_ARGUMENT'));
    await two.run([images[0] as Float32Array]);
  });

  test('profiles on one of them', async () => {
    const { info, steps } = await two.profile([images[0] as Float32Array], { runs: 2 });
    assert.equal(info.threads, 1);
    assert.ok(steps.length > 0);
  });
});

suite('strings and several signatures on workers', () => {
  test('strings come back as bytes', async () => {
    const identity = file([
      graph({
        tensors: [tensor('x', 'string', [2]), tensor('y', 'string', [2, 1])],
        operators: [node('RESHAPE', [0], [1], { newShape: [2, 1] })],
        inputs: [0],
        outputs: [1],
      }),
    ]);
    using one = await loadModel(identity);
    using two = await loadModel(identity, { workers: 2 });
    assert.deepEqual(await two.run([['a', 'bc']]), await one.run([['a', 'bc']]));
  });
});

suite('loading on workers', () => {
  test('reads the model once, and leaves bytes to the caller', async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    try {
      const { port } = server.address() as AddressInfo;
      using model = await loadModel(`http://localhost:${port}/`, { workers: 3 });
      assert.deepEqual([requests, model.info.workers], [1, 3]);
    } finally {
      server.close();
    }
    const copy = bytes.slice();
    (await loadModel(copy, { workers: 2 })).dispose();
    assert.deepEqual(copy, bytes);
  });

  test('takes what else loading takes', async () => {
    using plain = await loadModel(slowBytes, { threads: 2 });
    const [choice] = openChoices(plain);
    assert.ok(choice);
    const phases: string[] = [];
    using model = await loadModel(slowBytes, {
      workers: 2,
      threads: 2,
      tuning: await tuningOf([choice], ({ taken }) => taken, 2),
      onProgress: ({ phase, loaded }) => phases.push(`${phase} ${loaded}`),
    });
    assert.deepEqual([model.info.threads, model.info.workers], [2, 2]);
    assert.equal(openChoices(model)[0]?.by, 'tuning');
    assert.deepEqual(phases.slice(-2), ['plan 0', 'plan 1']);
    const answers = [plain, model].map((each) => each.run([slowInput]));
    const [expected, found] = await Promise.all(answers);
    assert.deepEqual(found, expected);
  });

  const state = { ...tensor('state', 'float32', [1, 2]), isVariable: true };
  const keeping = file([
    graph({
      tensors: [tensor('x', 'float32', [1, 2]), state, tensor('y', 'float32', [1, 2])],
      operators: [node('ADD', [0, 1], [2])],
      inputs: [0],
      outputs: [2],
    }),
  ]);
  const refusals: Readonly<Record<string, readonly [ErrorCode, RegExp, Uint8Array, LoadOptions]>> =
    {
      'no number of workers': ['INVALID_ARGUMENT', /is 0; expected/, bytes, { workers: 0 }],
      'part of a worker': ['INVALID_ARGUMENT', /is 1.5; expected/, bytes, { workers: 1.5 }],
      'a GPU': ['INVALID_ARGUMENT', /"webgpu"/, bytes, { workers: 2, backend: 'webgpu' }],
      'what is no model': ['INVALID_MODEL', /./, bytes.subarray(0, 999), { workers: 2 }],
      'a model that keeps state': ['INVALID_ARGUMENT', /keeps state/, keeping, { workers: 2 }],
      'kernels that are not there': [
        'IO',
        /kernels/,
        bytes,
        { workers: 2, wasmUrl: () => 'file:///no/such.wasm' },
      ],
    };
  for (const [what, [code, message, source, options]] of Object.entries(refusals)) {
    test(`refuses ${what}`, async () => {
      const [, workers] = await workersOf(() =>
        assert.rejects(loadModel(source, options), isError(code, message)),
      );
      await allEnded(workers);
    });
  }

  test('ends when it is aborted', async () => {
    const [, workers] = await workersOf(async () => {
      const aborting = new AbortController();
      const loading = loadModel(bytes, {
        workers: 2,
        signal: aborting.signal,
        onProgress: ({ phase }) => phase === 'plan' && setImmediate(() => aborting.abort()),
      });
      await assert.rejects(loading, isError('ABORTED'));
    });
    await allEnded(workers);
  });
});

suite('runs on workers end', () => {
  test('when they are aborted, before and after they have begun', async () => {
    using model = await loadModel(slowBytes, { workers: 1 });
    const [begun, waiting] = [new AbortController(), new AbortController()];
    const runs = [begun, waiting].map(({ signal }) => model.run([slowInput], { signal }));
    const last = model.run([slowInput]);
    for (const controller of [waiting, begun]) controller.abort();
    for (const run of runs) await assert.rejects(run, isError('ABORTED'));
    await assert.rejects(model.run([slowInput], { signal: begun.signal }), isError('ABORTED'));
    await last;
  });

  test('when the model is disposed of, with the workers', async () => {
    const [model, workers] = await workersOf(() => loadModel(slowBytes, { workers: 2 }));
    const runs = Array.from({ length: 4 }, () => model.run([slowInput]));
    model.dispose();
    for (const run of runs) await assert.rejects(run, isError('DISPOSED'));
    await assert.rejects(model.run([slowInput]), isError('DISPOSED'));
    assert.throws(() => model.info, isError('DISPOSED'));
    model.dispose();
    await allEnded(workers);
  });

  test('when their worker ends, while others go on', async () => {
    const [loaded, workers] = await workersOf(() => loadModel(slowBytes, { workers: 2 }));
    using model = loaded;
    const runs = Array.from({ length: 4 }, () => model.run([slowInput]));
    const settled = Promise.allSettled(runs);
    await workers[0]?.terminate();
    const outcomes = await settled;
    const failed = outcomes.filter(({ status }) => status === 'rejected');
    assert.equal(failed.length, 1);
    assert.ok(isError('ENVIRONMENT')((failed[0] as PromiseRejectedResult).reason));
    assert.equal(model.info.workers, 1);
    const waiting = [model.run([slowInput]), model.run([slowInput])];
    const ended = Promise.all(waiting.map((run) => assert.rejects(run, isError('ENVIRONMENT'))));
    await workers[1]?.terminate();
    await ended;
    await assert.rejects(model.run([slowInput]), isError('ENVIRONMENT'));
    assert.throws(() => model.info, isError('ENVIRONMENT'));
  });

  test('before the process does, which idle workers do not keep alive', (context) => {
    const runtime = import.meta.resolve('@linnet/runtime-web');
    const script = `
      import { loadModel } from ${JSON.stringify(runtime)};
      const bytes = Uint8Array.from(${JSON.stringify(Array.from(doubling()))});
      const model = await loadModel(bytes, { workers: 2 });
      model.run([[1, 2, 3, 4]]).then(({ y }) => console.log(y.data.join()));`;
    const path = join(temporaryFolder(context), 'run.mjs');
    writeFileSync(path, script);
    const out = execFileSync(process.execPath, [path], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(out, '2,4,6,8\n');
  });
});
