/**
 * Products whose weights are zero to a great part, on every build, alone and on three threads: the
 * sparse kernels are chosen and agree with the reference.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BUILDS, type Build } from '@linnet/runtime-wasm/build';
import { completeOptions, type TensorType, type TypedArray } from '@linnet/schema';
import { evaluate } from '../../../converter/dist/reference/index.js';
import { type ByteDot, probeByteDot } from '../../../runtime-web/dist/wasm/dot.js';
import { type KernelHost, openKernels, whyNotRunnable } from './harness.js';
import { type LoweredSite, runLowered } from './lowered.js';
import { Random } from './random.js';

const SEED = 31;
const SPARSITY = 0.97;

/** [rows, depth, columns]: less than tiles, whole tiles, more; prime and aligned. */
const SHAPES = [
  [1, 251, 103],
  [3, 256, 64],
  [9, 251, 103],
  [13, 131, 101],
  [16, 128, 96],
  [33, 128, 100],
  [67, 131, 53],
] as const;

/** Fewer rows leave most of a tile of bytes empty, so that dense kernels are faster. */
const LEAST_ROWS = { float32: 1, int8: 9, uint8: 9, hybrid: 9 } as const;

const scaled = (scale: number, zero: number) => ({
  kind: 'affine' as const,
  scale: Float32Array.of(scale),
  zeroPoint: Int32Array.of(zero),
  axis: 0,
});

/** The types of input, weights, bias and output. */
const ARITHMETICS = {
  float32: ['float32', 'float32', 'float32', 'float32'],
  int8: ['int8', 'int8', 'int32', 'int8'],
  uint8: ['uint8', 'int8', 'int32', 'uint8'],
  hybrid: ['float32', 'int8', 'float32', 'float32'],
} as const;

function site(
  arithmetic: keyof typeof ARITHMETICS,
  [rows, depth, columns]: readonly [number, number, number],
  block: number,
  random: Random,
): LoweredSite<'FULLY_CONNECTED'> {
  const [x, w, b, y] = ARITHMETICS[arithmetic];
  const element = (dtype: string) =>
    dtype === 'float32'
      ? 2 * random.next() - 1
      : dtype === 'int32'
        ? random.integer(-2000, 2000)
        : random.integer(dtype === 'uint8' ? 0 : -128, dtype === 'uint8' ? 255 : 127);
  const array = (dtype: string, length: number): TypedArray => {
    const ArrayOf = {
      float32: Float32Array,
      int8: Int8Array,
      uint8: Uint8Array,
      int32: Int32Array,
    }[dtype] as Float32ArrayConstructor;
    return ArrayOf.from({ length }, () => element(dtype));
  };
  const weights = array(w, columns * depth);
  for (let column = 0; column < columns; column += block) {
    for (let k = 0; k < depth; k++) {
      if (random.next() >= SPARSITY) continue;
      for (let c = column; c < Math.min(column + block, columns); c++) weights[c * depth + k] = 0;
    }
  }
  const type = (dtype: string, shape: readonly number[], scale: number, zero: number) =>
    ({
      dtype,
      shape,
      ...((dtype === 'int8' || dtype === 'uint8') && { quantization: scaled(scale, zero) }),
      ...(dtype === 'int32' && { quantization: scaled(scale, 0) }),
    }) as TensorType;
  const input = { type: type(x, [rows, depth], 0.02, 5), elements: array(x, rows * depth) };
  const bias = { type: type(b, [columns], 0.0004, 0), elements: array(b, columns) };
  return {
    op: 'FULLY_CONNECTED',
    options: completeOptions('FULLY_CONNECTED', {}),
    inputs: [
      { ...input, isConstant: false },
      { type: type(w, [columns, depth], 0.02, 0), elements: weights, isConstant: true },
      { ...bias, isConstant: true },
    ],
    output: type(y, [rows, columns], 0.05, -3 + (y === 'uint8' ? 128 : 0)),
  };
}

function expectation({ op, options, inputs, output }: LoweredSite<'FULLY_CONNECTED'>): TypedArray {
  const values = inputs.map((input) => input && { ...input.type, elements: input.elements });
  return evaluate(op, options, values, [output])[0]!.elements as TypedArray;
}

for (const build of Object.keys(BUILDS) as Build[]) {
  const reason = await whyNotRunnable(build);
  describe(`sparse products on ${build}, seed ${SEED}`, { skip: reason ?? false }, () => {
    const hosts: KernelHost[] = [];
    const dots = new Set<ByteDot>(['none', BUILDS[build].relaxed ? probeByteDot() : 'signed']);
    before(async () => {
      hosts.push(await openKernels(build));
      if (BUILDS[build].shared) hosts.push(await openKernels(build, 3));
    });
    after(() => Promise.all(hosts.map((host) => host.close())));

    for (const arithmetic of Object.keys(ARITHMETICS) as (keyof typeof ARITHMETICS)[]) {
      for (const block of [1, 4]) {
        it(`${arithmetic} ${block}x1`, () => {
          const random = new Random(SEED);
          for (const shape of SHAPES) {
            const made = site(arithmetic, shape, block, random);
            const expected = expectation(made) as Float32Array;
            let first: TypedArray | undefined;
            for (const host of hosts) {
              for (const dot of dots) {
                const kernels: string[] = [];
                const call: KernelHost['call'] = (kernel, args) => {
                  kernels.push(kernel);
                  host.call(kernel, args);
                };
                const actual = runLowered({ ...host, call }, made, dot) as Float32Array;
                const where = `${shape} by ${kernels}`;
                assert.equal(
                  kernels.some((kernel) => kernel.startsWith('sparse_')),
                  shape[0] >= LEAST_ROWS[arithmetic],
                  where,
                );
                const bound = made.output.dtype === 'float32' ? 1e-4 : 0;
                actual.forEach((value, at) => {
                  const error = Math.abs(value - expected[at]!);
                  assert.ok(
                    error <= bound,
                    `${where}: element ${at} is ${value}, not ${expected[at]}`,
                  );
                });
                first ??= actual;
                assert.deepEqual(actual, first, where);
              }
            }
          }
        });
      }
    }
  });
}
