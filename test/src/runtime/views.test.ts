/** Tensors that lie within others: that nothing is copied, and all is computed as when it were. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadModel } from '@linnet/runtime-web';
import { type BuiltinNode, Padding, type Quantization, type Tensor } from '@linnet/schema';
import { file, graph, node, tensor } from './models.js';

const sines = (count: number, from = 0) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i + from));
const size = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);
const SAME = { padding: Padding.SAME, strideW: 1, strideH: 1 };

/** Tensors by name, and what makes those between the input `x` and the output `y`. */
interface Parts {
  readonly tensors: readonly Tensor[];
  readonly nodes: (at: (name: string) => number) => readonly BuiltinNode[];
  /** Copies that remain. */
  readonly copies: number;
}

const float = (name: string, ...shape: number[]) => tensor(name, 'float32', shape);
const constant = (name: string, ...shape: number[]) =>
  tensor(name, 'float32', shape, sines(size(shape), name.length));
const axis = (value: number) => tensor('axis', 'int32', [], Int32Array.of(value));

/** Convolutions of 1 x 1 and 3 x 3 pixels, joined along channels. */
function fire(side: number, [a, b]: readonly [number, number]): Parts {
  return {
    copies: 0,
    tensors: [
      float('x', 1, side, side, 16),
      constant('one', a, 1, 1, 16),
      constant('nine', b, 3, 3, 16),
      float('left', 1, side, side, a),
      float('right', 1, side, side, b),
      float('y', 1, side, side, a + b),
    ],
    nodes: (at) => [
      node('CONV_2D', [at('x'), at('one')], [at('left')], SAME),
      node('CONV_2D', [at('x'), at('nine')], [at('right')], SAME),
      node('CONCATENATION', [at('left'), at('right')], [at('y')], { axis: -1 }),
    ],
  };
}

const BYTES: Quantization = {
  kind: 'affine',
  scale: Float32Array.of(0.05),
  zeroPoint: Int32Array.of(0),
  axis: 0,
};
const byte = (name: string, shape: readonly number[], isConstant = false): Tensor => ({
  ...tensor(
    name,
    'int8',
    shape,
    isConstant ? Int8Array.from(sines(size(shape)), (v) => Math.round(100 * v)) : undefined,
  ),
  quantization: BYTES,
});

const CASES: Readonly<Record<string, Parts>> = {
  'convolutions, by minimal filtering and in tiles, of aligned numbers of channels': fire(
    24,
    [16, 32],
  ),
  'convolutions of prime numbers of channels': fire(13, [7, 19]),
  'convolutions on bytes': {
    copies: 0,
    tensors: [
      byte('x', [1, 9, 9, 8]),
      byte('a', [11, 1, 1, 8], true),
      byte('b', [5, 3, 3, 8], true),
      byte('left', [1, 9, 9, 11]),
      byte('right', [1, 9, 9, 5]),
      byte('y', [1, 9, 9, 16]),
    ],
    nodes: (at) => [
      node('CONV_2D', [at('x'), at('a')], [at('left')], SAME),
      node('CONV_2D', [at('x'), at('b')], [at('right')], SAME),
      node('CONCATENATION', [at('right'), at('left')], [at('y')], { axis: 3 }),
    ],
  },
  'rows of products, and an input that has its place elsewhere': {
    copies: 1,
    tensors: [float('x', 7, 6), constant('a', 9, 6), float('left', 7, 9), float('y', 7, 15)],
    nodes: (at) => [
      node('FULLY_CONNECTED', [at('x'), at('a'), -1], [at('left')]),
      node('CONCATENATION', [at('x'), at('left')], [at('y')], { axis: 1 }),
    ],
  },
  'outermost parts of any op, behind other shapes, one of them within a part': {
    copies: 0,
    tensors: [
      float('x', 4, 3),
      float('a', 4, 3),
      float('flat', 12),
      float('b', 4, 3),
      float('flatter', 12),
      float('pair', 24),
      float('c', 4, 3),
      float('flattest', 12),
      float('y', 36),
      tensor('shape', 'int32', [1], Int32Array.of(12)),
    ],
    nodes: (at) => [
      node('TANH', [at('x')], [at('a')]),
      node('RESHAPE', [at('a'), at('shape')], [at('flat')]),
      node('ABS', [at('a')], [at('b')]),
      node('RESHAPE', [at('b'), at('shape')], [at('flatter')]),
      node('CONCATENATION', [at('flatter'), at('flat')], [at('pair')], { axis: 0 }),
      node('NEG', [at('b')], [at('c')]),
      node('RESHAPE', [at('c'), at('shape')], [at('flattest')]),
      node('CONCATENATION', [at('flattest'), at('pair')], [at('y')], { axis: 0 }),
    ],
  },
  'a part that is there twice': {
    copies: 2,
    tensors: [float('x', 5), float('a', 5), float('y', 10)],
    nodes: (at) => [
      node('TANH', [at('x')], [at('a')]),
      node('CONCATENATION', [at('a'), at('a')], [at('y')], { axis: 0 }),
    ],
  },
  'halves that are read where they are, and joined the other way round': {
    copies: 0,
    tensors: [
      float('x', 6, 5),
      float('low', 3, 5),
      float('high', 3, 5),
      float('a', 3, 5),
      float('b', 3, 5),
      float('y', 6, 5),
      axis(0),
    ],
    nodes: (at) => [
      node('SPLIT', [at('axis'), at('x')], [at('low'), at('high')], { numSplits: 2 }),
      node('NEG', [at('low')], [at('a')]),
      node('ABS', [at('high')], [at('b')]),
      node('CONCATENATION', [at('b'), at('a')], [at('y')], { axis: 0 }),
    ],
  },
  'slices that are taken apart and put together': {
    copies: 0,
    tensors: [
      float('x', 3, 5),
      float('u', 5),
      float('v', 5),
      float('w', 5),
      float('a', 5),
      float('b', 5),
      float('y', 2, 5),
    ],
    nodes: (at) => [
      node('UNPACK', [at('x')], [at('u'), at('v'), at('w')], { num: 3, axis: 0 }),
      node('SUB', [at('u'), at('w')], [at('a')]),
      node('ADD', [at('a'), at('v')], [at('b')]),
      node('PACK', [at('b'), at('a')], [at('y')], { valuesCount: 2, axis: 0 }),
    ],
  },
};

/** The file, where `apart` with all between as outputs, which are tensors of their own. */
function fileOf({ tensors, nodes }: Parts, apart: boolean): Uint8Array {
  const names = tensors.map(({ name }) => name);
  const operators = nodes((name) => names.indexOf(name));
  const made = operators.flatMap(({ outputs }) => outputs);
  const outputs = apart ? made : [names.indexOf('y')];
  return file([graph({ tensors, operators, inputs: [0], outputs })]);
}

suite('views', () => {
  for (const [name, parts] of Object.entries(CASES)) {
    test(name, async () => {
      const [input] = parts.tensors as readonly [Tensor];
      const real = sines(size(input.shape));
      const x = input.dtype === 'int8' ? Int8Array.from(real, (v) => Math.round(60 * v)) : real;
      using apart = await loadModel(fileOf(parts, true), { threads: 1 });
      const expected = (await apart.run([x])).y?.data;
      for (const threads of [1, 3]) {
        using within = await loadModel(fileOf(parts, false), { threads });
        assert.deepEqual((await within.run([x])).y?.data, expected);
        if (threads > 1) continue;
        const { steps } = await within.profile([x], { runs: 2 });
        const copies = steps.filter(({ kernel }) => kernel === 'strided_copy');
        assert.equal(copies.length, parts.copies);
      }
    });
  }
});
