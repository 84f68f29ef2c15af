/**
 * Products with int4 weights in blocks, on every build, alone and on three threads: their kernels are
 * chosen and agree with the reference on the weights that the blocks stand for.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BUILDS, type Build } from '@linnet/runtime-wasm/build';
import {
  ActivationFunctionType,
  completeOptions,
  Padding,
  type TensorType,
  type TypedArray,
} from '@linnet/schema';
import { evaluate } from '../../../converter/dist/reference/index.js';
import { type Blocks, expandBlocks } from '../../../runtime-web/dist/model/blocks.js';
import { type KernelHost, openKernels, whyNotRunnable } from './harness.js';
import { type LoweredSite, runLowered } from './lowered.js';
import { Random } from './random.js';

const SEED = 37;

/**
 * [rows, depth, columns, block size]: aligned and prime; one panel, one with a part, several; expanded
 * as a whole and, the last, in two parts.
 */
const SHAPES = [
  [1, 32, 1, 32],
  [1, 96, 101, 32],
  [1, 512, 64, 256],
  [3, 128, 53, 64],
  [2, 256, 16, 128],
  [5, 64, 7, 32],
  [7, 32, 13, 32],
  [67, 96, 103, 32],
  [16, 2048, 75, 64],
] as const;

const OPS = ['FULLY_CONNECTED', 'CONV_2D'] as const;

type Site = LoweredSite<'FULLY_CONNECTED'> | LoweredSite<'CONV_2D'>;

function site(
  op: (typeof OPS)[number],
  [rows, depth, columns, size]: (typeof SHAPES)[number],
  hasBias: boolean,
  random: Random,
): Site {
  const float32 = (shape: readonly number[]): TensorType => ({ dtype: 'float32', shape });
  const floats = (length: number) => Float32Array.from({ length }, () => 2 * random.next() - 1);
  const blocks: Blocks = {
    dtype: 'int4',
    packed: Uint8Array.from({ length: (columns * depth) / 2 }, () => random.integer(0, 255)),
    size,
    scales: floats((columns * depth) / size).map((value) => value / 8),
    zeroPoints: null,
  };
  const isConv = op === 'CONV_2D';
  const inputs = [
    {
      type: float32(isConv ? [1, 1, rows, depth] : [rows, depth]),
      elements: floats(rows * depth),
      isConstant: false,
    },
    {
      type: float32(isConv ? [columns, 1, 1, depth] : [columns, depth]),
      elements: expandBlocks(blocks),
      isConstant: true,
      blocks,
    },
    hasBias ? { type: float32([columns]), elements: floats(columns), isConstant: true } : null,
  ];
  const output = float32(isConv ? [1, 1, rows, columns] : [rows, columns]);
  const fusedActivationFunction = hasBias
    ? ActivationFunctionType.NONE
    : ActivationFunctionType.RELU6;
  if (!isConv) {
    const options = completeOptions('FULLY_CONNECTED', { fusedActivationFunction });
    return { op: 'FULLY_CONNECTED', options, inputs, output };
  }
  const options = completeOptions('CONV_2D', {
    padding: Padding.VALID,
    strideH: 1,
    strideW: 1,
    fusedActivationFunction,
  });
  return { op: 'CONV_2D', options, inputs, output };
}

function expectation({ op, options, inputs, output }: Site): TypedArray {
  const values = inputs.map((input) => input && { ...input.type, elements: input.elements });
  return evaluate(op, options, values, [output])[0]!.elements as TypedArray;
}

for (const build of Object.keys(BUILDS) as Build[]) {
  const reason = await whyNotRunnable(build);
  describe(`products in blocks on ${build}, seed ${SEED}`, { skip: reason ?? false }, () => {
    const hosts: KernelHost[] = [];
    before(async () => {
      hosts.push(await openKernels(build));
      if (BUILDS[build].shared) hosts.push(await openKernels(build, 3));
    });
    after(() => Promise.all(hosts.map((host) => host.close())));

    for (const op of OPS) {
      for (const hasBias of [true, false]) {
        it(`${op}, ${hasBias ? 'bias' : 'activation'}`, () => {
          const random = new Random(SEED);
          for (const shape of SHAPES) {
            const made = site(op, shape, hasBias, random);
            const expected = expectation(made) as Float32Array;
            let first: TypedArray | undefined;
            for (const host of hosts) {
              const kernels: string[] = [];
              const call: KernelHost['call'] = (kernel, args) => {
                kernels.push(kernel);
                host.call(kernel, args);
              };
              const actual = runLowered({ ...host, call }, made as LoweredSite<typeof op>);
              const where = `${shape} by ${kernels}`;
              assert.ok(
                kernels.some((kernel) => kernel.endsWith('_blocks')),
                where,
              );
              (actual as Float32Array).forEach((value, at) => {
                const error = Math.abs(value - expected[at]!);
                assert.ok(
                  error <= 1e-4,
                  `${where}: element ${at} is ${value}, not ${expected[at]}`,
                );
              });
              first ??= actual;
              assert.deepEqual(actual, first, where);
            }
          }
        });
      }
    }
  });
}
