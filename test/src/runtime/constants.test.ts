/** Constants as files store them: reduced precision, packed, sparse. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { float32ToFloat16, LinnetError, loadModel } from '@linnet/runtime-web';
import { file, graph, node, tensor } from './models.js';

const i32 = (...values: number[]) => Int32Array.from(values);
const f32 = (...values: number[]) => Float32Array.from(values);

suite('constants', () => {
  /** y = x + dequantized constant */
  const plus = (constant: ReturnType<typeof tensor>, shape: readonly number[]) =>
    file([
      graph({
        tensors: [
          tensor('x', 'float32', shape),
          constant,
          tensor('float', 'float32', shape),
          tensor('y', 'float32', shape),
        ],
        operators: [node('DEQUANTIZE', [1], [2]), node('ADD', [0, 2], [3])],
        inputs: [0],
        outputs: [3],
      }),
    ]);
  const affine = (scale: number, zeroPoint: number) => ({
    kind: 'affine' as const,
    scale: f32(scale),
    zeroPoint: i32(zeroPoint),
    axis: 0,
  });

  test('constants of reduced precision are expanded once, while planning', async () => {
    const half = tensor('c', 'float16', [3], float32ToFloat16([1.5, -2, 0.25]));
    const byte = {
      ...tensor('c', 'int8', [3], Int8Array.of(4, -3, 0)),
      quantization: affine(0.5, 1),
    };
    for (const [constant, expected] of [
      [half, f32(1.5, -2, 0.25)],
      [byte, f32(1.5, -2, -0.5)],
    ] as const) {
      using model = await loadModel(plus(constant, [3]));
      assert.deepEqual((await model.run([[0, 0, 0]])).y?.data, expected);
      assert.deepEqual(
        model.info.ops.map(({ op }) => op),
        ['ADD'],
      );
    }
  });

  test('packed int4 constants are unpacked, low bits first', async () => {
    const packed = {
      ...tensor('c', 'int4', [3], Uint8Array.of(0x8f, 0x07)),
      quantization: affine(1, 0),
    };
    using model = await loadModel(plus(packed, [3]));
    assert.deepEqual((await model.run([[0, 0, 0]])).y?.data, f32(-1, -8, 7));
  });

  test('sparse constants become dense', async () => {
    // The schema's block-sparse layout: 4x4 in 2x2 blocks, the second block of the first row alone.
    const sparse = {
      ...tensor('c', 'float32', [4, 4], f32(1, 2, 3, 4)),
      sparsity: {
        traversalOrder: [0, 1, 2, 3],
        blockMap: [0, 1],
        dims: [
          { format: 'dense', size: 2 },
          { format: 'sparse-csr', segments: [0, 1, 1], indices: [1] },
          { format: 'dense', size: 2 },
          { format: 'dense', size: 2 },
        ],
      },
    } as const;
    using model = await loadModel(
      file([
        graph({
          tensors: [
            tensor('x', 'float32', [4, 4]),
            sparse,
            tensor('d', 'float32', [4, 4]),
            tensor('y', 'float32', [4, 4]),
          ],
          operators: [node('DENSIFY', [1], [2]), node('ADD', [0, 2], [3])],
          inputs: [0],
          outputs: [3],
        }),
      ]),
    );
    const { y } = await model.run([new Float32Array(16)]);
    assert.deepEqual(
      Array.from(y?.data as Float32Array),
      [0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0],
    );
  });

  /** int4 weights [64, 64] in blocks of 32, read by an op with input x and output y of float32. */
  const inBlocks = (
    input: readonly number[],
    output: readonly number[],
    operator: ReturnType<typeof node>,
    zeroPoints?: Int8Array,
  ) =>
    file([
      graph({
        tensors: [
          tensor('x', 'float32', input),
          {
            ...tensor('w', 'int4', [64, 64], new Uint8Array(2048).fill(0x8f)),
            quantization: {
              kind: 'blockwise',
              scales: 2,
              zeroPoints: zeroPoints === undefined ? -1 : 4,
              blockSize: 32,
            },
          },
          tensor('s', 'float16', [64, 2], new Uint16Array(128).fill(0x3c00)),
          tensor('y', 'float32', output),
          ...(zeroPoints === undefined ? [] : [tensor('z', 'int8', [64, 2], zeroPoints)]),
        ],
        operators: [operator],
        inputs: [0],
        outputs: [3],
      }),
    ]);

  test('fully connected ops read int4 in blocks as it is', async () => {
    const op = node('FULLY_CONNECTED', [0, 1, -1], [3]);
    const bytes = inBlocks([-1, 64], [-1, 64], op);
    using model = await loadModel(bytes);
    for (const rows of [1, 5]) {
      const { y } = await model.run([new Float32Array(64 * rows).fill(1)]);
      assert.deepEqual(y?.data, new Float32Array(64 * rows).fill(32 * (-1 - 8)));
      const { constants } = model.info.memory;
      assert.ok(constants < 1.3 * bytes.length, `${constants} of ${bytes.length}`);
    }
  });

  test('other ops, and blocks with zero points, are expanded', async () => {
    const rows = node('FULLY_CONNECTED', [0, 1, -1], [3]);
    const zeros = new Int8Array(128).fill(2);
    using shifted = await loadModel(inBlocks([1, 64], [1, 64], rows, zeros));
    const { y } = await shifted.run([new Float32Array(64).fill(1)]);
    assert.deepEqual(y?.data, new Float32Array(64).fill(32 * (-3 - 10)));
    using added = await loadModel(inBlocks([64, 64], [64, 64], node('ADD', [0, 1], [3])));
    const sum = await added.run([new Float32Array(4096)]);
    assert.deepEqual(
      sum.y?.data,
      Float32Array.from({ length: 4096 }, (_, i) => (i % 2 === 0 ? -1 : -8)),
    );
  });

  test('blocks of what is no small integer are refused', async () => {
    const quantization = { kind: 'blockwise', scales: 1, zeroPoints: -1, blockSize: 2 } as const;
    const bytes = file([
      graph({
        tensors: [
          { ...tensor('w', 'int32', [4], i32(1, 2, 3, 4)), quantization },
          tensor('s', 'float32', [2], new Float32Array(2)),
        ],
        operators: [],
        inputs: [],
        outputs: [0],
      }),
    ]);
    await assert.rejects(
      loadModel(bytes),
      (error) => error instanceof LinnetError && error.code === 'INVALID_MODEL',
    );
  });

  test('constants and inputs may be outputs', async () => {
    using model = await loadModel(
      file([
        graph({
          tensors: [tensor('x', 'int32', [2]), tensor('c', 'int32', [2], i32(7, 8))],
          operators: [],
          inputs: [0],
          outputs: [1, 0],
        }),
      ]),
    );
    const { x, c } = await model.run([[1, 2]]);
    assert.deepEqual([c?.data, x?.data], [i32(7, 8), i32(1, 2)]);
  });
});
