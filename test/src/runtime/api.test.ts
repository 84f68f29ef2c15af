import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describeKernels, KERNELS, KERNELS_SECTION } from '@linnet/runtime-wasm';
import { float32ToFloat16, LinnetError, loadModel, type ModelInputs } from '@linnet/runtime-web';
import { customNode, doubling, file, graph, node, tensor } from './models.js';

const X = Float32Array.of(1, 2, 3, 4);

function failure(code: string, pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof LinnetError, String(error));
    assert.equal(error.code, code);
    assert.match(error.format(), pattern);
    return true;
  };
}

async function double(source: Parameters<typeof loadModel>[0]): Promise<number[]> {
  using model = await loadModel(source);
  const { y } = await model.run([X]);
  return Array.from(y?.data as Float32Array);
}

suite('sources', () => {
  const bytes = doubling();
  const expected = [2, 4, 6, 8];

  test('bytes, buffers and views at odd offsets', async () => {
    assert.deepEqual(await double(bytes), expected);
    assert.deepEqual(await double(bytes.slice().buffer), expected);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    assert.deepEqual(await double(shifted.subarray(3)), expected);
  });

  test('blobs, streams and responses, whatever they say of their length', async () => {
    const blob = new Blob([bytes.slice()]);
    assert.deepEqual(await double(blob), expected);
    assert.deepEqual(await double(blob.stream()), expected);
    assert.deepEqual(await double(new Response(blob)), expected);
    const headers = { 'content-length': '7' };
    assert.deepEqual(await double(new Response(bytes.slice(), { headers })), expected);
  });

  test('byte streams that know nothing of readers with memory of their own', async () => {
    const stream = new ReadableStream({
      type: 'bytes',
      start(controller) {
        controller.enqueue(bytes.slice());
        controller.close();
      },
    });
    const late = new ReadableStream({
      type: 'bytes',
      async pull(controller) {
        controller.enqueue(bytes.slice());
        controller.close();
      },
    });
    assert.deepEqual(await double(stream), expected);
    assert.deepEqual(await double(new Response(late)), expected);
  });

  test('what a server sends, with its length and without', async () => {
    const server = createServer(async ({ url }, response) => {
      if (url === '/known') response.setHeader('content-length', bytes.length);
      for (let at = 0; at < bytes.length; at += 100) {
        response.write(bytes.subarray(at, at + 100));
        await setImmediate();
      }
      response.end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      assert.deepEqual(await double(`${origin}/known`), expected);
      assert.deepEqual(await double(`${origin}/unknown`), expected);
      assert.deepEqual(await double(await fetch(`${origin}/known`)), expected);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('paths and URLs of files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linnet-'));
    try {
      const path = join(folder, 'double.tflite');
      writeFileSync(path, bytes);
      assert.deepEqual(await double(path), expected);
      assert.deepEqual(await double(pathToFileURL(path)), expected);
      assert.deepEqual(await double(pathToFileURL(path).href), expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('progress counts the bytes', async () => {
    const seen: [string, number, number | undefined][] = [];
    const onProgress = (p: { phase: string; loaded: number; total: number | undefined }) =>
      seen.push([p.phase, p.loaded, p.total]);
    using model = await loadModel(new Blob([bytes.slice()]), { onProgress });
    assert.equal(model.signatures.length, 1);
    assert.deepEqual(seen.at(-1), ['plan', 1, 1]);
    assert.deepEqual(seen.filter(([phase]) => phase === 'read').at(-1), [
      'read',
      bytes.length,
      bytes.length,
    ]);
  });

  test('what cannot be read is an IO error that names it', async () => {
    await assert.rejects(loadModel('no/such/file.tflite'), failure('IO', /no\/such\/file\.tflite/));
    await assert.rejects(loadModel(new Response(null, { status: 404 })), failure('IO', /404/));
    await assert.rejects(loadModel(7 as never), failure('INVALID_ARGUMENT', /from 7/));
  });

  test('an aborted load stops', async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(loadModel(bytes, { signal }), failure('ABORTED', /aborted/));
    const controller = new AbortController();
    const endless = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
    const loading = loadModel(endless, { signal: controller.signal });
    setTimeout(() => controller.abort(), 10);
    await assert.rejects(loading, failure('ABORTED', /aborted/));
  });
});

suite('inputs and outputs', () => {
  test('by name, by position, with a shape, as plain numbers', async () => {
    using model = await loadModel(doubling());
    const forms: ModelInputs[] = [{ x: X }, [X], { x: { data: X, shape: [4] } }, [[1, 2, 3, 4]]];
    for (const inputs of forms) {
      const { y } = await model.run(inputs);
      assert.deepEqual(
        { ...y },
        { name: 'y', dtype: 'float32', shape: [4], data: Float32Array.of(2, 4, 6, 8) },
      );
    }
  });

  test('outputs are copies', async () => {
    using model = await loadModel(doubling());
    const first = await model.run([X]);
    const second = await model.run([Float32Array.of(0, 0, 0, 0)]);
    assert.deepEqual(first.y?.data, Float32Array.of(2, 4, 6, 8));
    assert.deepEqual(second.y?.data, new Float32Array(4));
  });

  test('mistakes name the input and say what was expected', async () => {
    using model = await loadModel(doubling());
    const cases: [unknown, RegExp][] = [
      [[], /takes 1 inputs, but was given 0/],
      [{}, /input "x" was not given/],
      [{ x: X, z: X }, /no input "z"[\s\S]*The inputs are: "x"/],
      [
        [Float64Array.of(1, 2, 3, 4)],
        /"x" takes float32\[4\], but was given a Float64Array[\s\S]*Float32Array/,
      ],
      [[Float32Array.of(1, 2)], /"x" takes float32\[4\], but was given 2 elements/],
      [[{ data: X, shape: [2, 2] }], /but was given 4 elements of shape \[2,2\]/],
      [['text'], /but was given the string text/],
      [[[1, 2, 'three', 4]], /but was given an array with the string three/],
      [[null], /but was given null/],
      [X, /Inputs are passed as an object/],
    ];
    for (const [inputs, pattern] of cases) {
      await assert.rejects(model.run(inputs as ModelInputs), failure('INVALID_ARGUMENT', pattern));
    }
    await assert.rejects(
      model.run([X], { signature: 'other' }),
      failure('INVALID_ARGUMENT', /no signature "other"/),
    );
  });

  test('integers are checked, not wrapped', async () => {
    using model = await loadModel(doubling([2], 'int32'));
    assert.deepEqual((await model.run([[3, -4]])).y?.data, Int32Array.of(6, -8));
    await assert.rejects(model.run([[0.5, 1]]), failure('INVALID_ARGUMENT', /an array with 0\.5/));
    await assert.rejects(model.run([[2 ** 31, 1]]), failure('INVALID_ARGUMENT', /2147483648/));
  });

  test('int64 as bigints or as safe integers', async () => {
    using model = await loadModel(doubling([2], 'int64'));
    const expected = BigInt64Array.of(2n ** 54n, -2n);
    assert.deepEqual((await model.run([BigInt64Array.of(2n ** 53n, -1n)])).y?.data, expected);
    assert.deepEqual((await model.run([[2n ** 53n, -1n]])).y?.data, expected);
    assert.deepEqual((await model.run([[5, -1]])).y?.data, BigInt64Array.of(10n, -2n));
    await assert.rejects(model.run([[2 ** 60, 1]]), failure('INVALID_ARGUMENT', /"x" takes int64/));
  });

  test('float16 from floats or from bits', async () => {
    using model = await loadModel(doubling([2], 'float16'));
    const bits = float32ToFloat16([1.5, -0.25]);
    const expected = float32ToFloat16([3, -0.5]);
    for (const value of [Float32Array.of(1.5, -0.25), bits, [1.5, -0.25]]) {
      assert.deepEqual((await model.run([value])).y?.data, expected);
    }
  });

  test('strings go in as text or bytes and come out as bytes', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: [
            tensor('a', 'string', [2]),
            tensor('b', 'string', [2]),
            tensor('same', 'bool', [2]),
          ],
          operators: [node('EQUAL', [0, 1], [2])],
          inputs: [0, 1],
          outputs: [2, 0],
        }),
      ]),
    );
    const { same, a } = await model.run([
      ['é', 'b'],
      [new TextEncoder().encode('é'), 'c'],
    ]);
    assert.deepEqual(same?.data, Uint8Array.of(1, 0));
    assert.deepEqual(a?.data, [new TextEncoder().encode('é'), new TextEncoder().encode('b')]);
  });

  test('inputs that share a name are told apart', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: [
            tensor('t', 'float32', [1]),
            tensor('t', 'float32', [1]),
            tensor('t', 'float32', [1]),
          ],
          operators: [node('SUB', [0, 1], [2])],
          inputs: [0, 1],
          outputs: [2],
        }),
      ]),
    );
    assert.deepEqual(
      model.inputs.map(({ name }) => name),
      ['t', 't:1'],
    );
    const { t } = await model.run({ t: [5], 't:1': [3] });
    assert.deepEqual(t?.data, Float32Array.of(2));
  });
});

suite('signatures', () => {
  const shape = [2];
  const one = (op: 'ADD' | 'MUL', name: string) =>
    graph({
      name,
      tensors: [tensor(`${name}_x`, 'float32', shape), tensor(`${name}_y`, 'float32', shape)],
      operators: [node(op, [0, 0], [1])],
      inputs: [0],
      outputs: [1],
    });
  const signature = (key: string, subgraph: number) => ({
    key,
    subgraph,
    inputs: [{ name: 'in', tensor: 0 }],
    outputs: [{ name: 'out', tensor: 1 }],
  });
  const bytes = file(
    [one('ADD', 'add'), one('MUL', 'mul')],
    [signature('twice', 0), signature('square', 1)],
  );

  test('each runs its own graph under its own names', async () => {
    using model = await loadModel(bytes);
    assert.deepEqual(
      model.signatures.map(({ key }) => key),
      ['twice', 'square'],
    );
    assert.deepEqual(
      model.inputs.map(({ name }) => name),
      ['in'],
    );
    assert.deepEqual((await model.run({ in: [3, 4] })).out?.data, Float32Array.of(6, 8));
    const squared = await model.run({ in: [3, 4] }, { signature: 'square' });
    assert.deepEqual(squared.out?.data, Float32Array.of(9, 16));
  });
});

suite('life', () => {
  test('runs follow one another', async () => {
    using model = await loadModel(doubling([1]));
    const results = await Promise.all([1, 2, 3, 4, 5].map((x) => model.run([[x]])));
    assert.deepEqual(
      results.map(({ y }) => y?.data[0]),
      [2, 4, 6, 8, 10],
    );
  });

  test('a failed run does not stop the next', async () => {
    using model = await loadModel(doubling([1]));
    const bad = model.run([[]]);
    const good = model.run([[4]]);
    await assert.rejects(bad);
    assert.equal((await good).y?.data[0], 8);
  });

  test('nothing works after dispose, which may be called twice', async () => {
    const model = await loadModel(doubling());
    const waiting = model.run([X]);
    model.dispose();
    model.dispose();
    await assert.rejects(waiting, failure('DISPOSED', /disposed/));
    await assert.rejects(model.run([X]), failure('DISPOSED', /disposed/));
    assert.throws(() => model.resetVariables(), failure('DISPOSED', /disposed/));
    assert.throws(() => model.info, failure('DISPOSED', /disposed/));
  });

  test('an aborted run does not begin', async () => {
    using model = await loadModel(doubling());
    await assert.rejects(
      model.run([X], { signal: AbortSignal.abort() }),
      failure('ABORTED', /aborted/),
    );
  });

  test('loading, running and disposing over and over does not pile up memory', async () => {
    const bytes = doubling([64, 1024]);
    const input = new Float32Array(64 * 1024).fill(1);
    const cycle = async () => {
      using model = await loadModel(bytes);
      await model.run([input]);
    };
    for (let i = 0; i < 20; i++) await cycle();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 300; i++) await cycle();
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    // 300 memories of 2.5 MB that were not given back would be 750 MB.
    assert.ok(grown < 300, `grew by ${grown.toFixed(0)} MB`);
  });
});

const { binary_add_f32, binary_mul_f32 } = KERNELS;
const DESCRIPTION = describeKernels({ binary_add_f32, binary_mul_f32 });

function customSection(name: string, text: string): Uint8Array {
  const leb = (value: number) => [(value & 0x7f) | 0x80, value >> 7];
  const contents = Buffer.concat([Buffer.of(name.length), Buffer.from(name), Buffer.from(text)]);
  return Buffer.concat([Buffer.of(0, ...leb(contents.length)), contents]);
}

suite('kernels from elsewhere', () => {
  /** A module with the exports of the kernels, whose `run` traps. */
  const trapping = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    // types: (i32, i32, i32) -> i32
    ...[1, 8, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f],
    // import env.memory, at least 1 page
    ...[2, 15, 1, 3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0, 1],
    ...[3, 2, 1, 0],
    // globals: a mutable stack pointer, a heap base of 1024
    ...[6, 13, 2, 0x7f, 1, 0x41, 0x80, 8, 0x0b, 0x7f, 0, 0x41, 0x80, 8, 0x0b],
    ...[7, 39, 3, 3, ...Buffer.from('run'), 0, 0],
    ...[15, ...Buffer.from('__stack_pointer'), 3, 0],
    ...[11, ...Buffer.from('__heap_base'), 3, 1],
    // run: unreachable
    ...[10, 5, 1, 3, 0, 0, 0x0b],
  ]);

  /** The same with the section that tells how kernels are called, of under 2^14 bytes. */
  const described = Buffer.concat([trapping, customSection(KERNELS_SECTION, DESCRIPTION)]);

  const urlOf = (module: Uint8Array) => () =>
    `data:application/wasm;base64,${Buffer.from(module).toString('base64')}`;

  test('are found by wasmUrl; a trap is an error, and the model refuses to go on', async () => {
    const wasmUrl = urlOf(described);
    using model = await loadModel(doubling(), { wasmUrl });
    await assert.rejects(model.run([X]), failure('INTERNAL', /A kernel trapped/));
    await assert.rejects(model.run([X]), failure('INTERNAL', /cannot run any more/));
  });

  test('that do not tell how they are called are refused', async () => {
    const loading = loadModel(doubling(), { wasmUrl: urlOf(trapping) });
    await assert.rejects(loading, failure('ENVIRONMENT', /of another release/));
  });

  test('that are not there are an IO error that says where they were sought', async () => {
    const wasmUrl = (build: string) => new URL(`file:///nowhere/${build}.wasm`);
    await assert.rejects(loadModel(doubling(), { wasmUrl }), failure('IO', /nowhere\/simd\.wasm/));
  });
});

suite('refusals', () => {
  test('all unsupported ops at once, with their nodes', async () => {
    const bytes = file([
      graph({
        tensors: ['a', 'b', 'c', 'd'].map((name) => tensor(name, 'float32', [1])),
        operators: [
          customNode('Foo', [0], [1]),
          customNode('Bar', [1], [2]),
          customNode('Foo', [2], [3]),
        ],
        inputs: [0],
        outputs: [3],
      }),
    ]);
    await assert.rejects(
      loadModel(bytes),
      failure(
        'UNSUPPORTED',
        /2 ops[\s\S]*Foo \(custom op\): 2 × \(#0, #2\)[\s\S]*Bar \(custom op\): 1 × \(#1\)/,
      ),
    );
  });

  test('an unknown backend or number of threads', async () => {
    const bytes = doubling();
    await assert.rejects(
      loadModel(bytes, { backend: 'gpu' as never }),
      failure('INVALID_ARGUMENT', /"gpu"/),
    );
    for (const threads of [0, 1.5, 1000]) {
      await assert.rejects(loadModel(bytes, { threads }), failure('INVALID_ARGUMENT', /threads/));
    }
  });
});
