/** Rules that remove what has no effect. */
import { Padding } from '@linnet/schema';
import { ruleSuite } from './rule-case.js';

const shape = [2, 3, 4];

ruleSuite('identities', [
  {
    rule: 'remove-neutral-operand',
    fits: (n) =>
      n.op('POW', [
        n.op('DIV', [
          n.op('ADD', [n.scalar(0), n.op('MUL', [n.input(...shape), n.scalar(1)])]),
          n.scalar(1),
        ]),
        n.scalar(1),
      ]),
    leaves: [],
    misses: {
      'another number': (n) => n.op('MUL', [n.input(...shape), n.scalar(1.0001)]),
      '0 - x': (n) => n.op('SUB', [n.scalar(0), n.input(...shape)]),
      '1 / x': (n) => n.op('DIV', [n.scalar(1), n.input(...shape)]),
      'zeros that broadcast x': (n) =>
        n.op('ADD', [n.input(1, 3), n.floats([2, 3], [0, 0, 0, 0, 0, 0])]),
      'a fused activation': (n) =>
        n.op('ADD', [n.input(...shape), n.scalar(0)], { fusedActivationFunction: 1 }),
    },
  },
  {
    rule: 'remove-involution',
    fits: (n) => n.op('NEG', [n.op('NEG', [n.input(...shape)])]),
    leaves: [],
    misses: { 'one negation': (n) => n.op('NEG', [n.op('ABS', [n.input(...shape)])]) },
  },
  {
    rule: 'remove-repetition',
    fits: (n) => n.op('RELU6', [n.op('RELU6', [n.input(...shape)])]),
    leaves: ['RELU6'],
    misses: { 'two clamps': (n) => n.op('RELU6', [n.op('RELU_N1_TO_1', [n.input(...shape)])]) },
  },
  {
    rule: 'remove-cast',
    fits: (n) => {
      const x = n.typed({ dtype: 'int32', shape });
      const wide = n.op('CAST', [x], {}, { outputs: [{ dtype: 'int64', shape }] });
      return n.op('CAST', [wide], {}, { outputs: [{ dtype: 'int32', shape }] });
    },
    leaves: [],
    misses: {
      'a float32 that does not hold every int32': (n) => {
        const x = n.typed({ dtype: 'int32', shape });
        const float = n.op('CAST', [x], {}, { outputs: [{ dtype: 'float32', shape }] });
        return n.op('CAST', [float], {}, { outputs: [{ dtype: 'int32', shape }] });
      },
      'a truncation': (n) => {
        const whole = n.op(
          'CAST',
          [n.input(...shape)],
          {},
          { outputs: [{ dtype: 'int32', shape }] },
        );
        return n.op('CAST', [whole], {}, { outputs: [{ dtype: 'float32', shape }] });
      },
    },
  },
]);

ruleSuite('movement', [
  {
    rule: 'remove-reshape',
    fits: (n) => n.op('RESHAPE', [n.input(-1, 3, 4), n.ints(-1, 3, 4)]),
    leaves: [],
    misses: { 'another shape': (n) => n.op('RESHAPE', [n.input(-1, 3, 4), n.ints(-1, 4, 3)]) },
  },
  {
    rule: 'compose-reshapes',
    fits: (n) =>
      n.op('RESHAPE', [n.op('RESHAPE', [n.input(-1, 3, 4), n.ints(-1, 12)]), n.ints(-1, 4, 3)]),
    leaves: ['RESHAPE'],
    misses: {
      'a transpose between': (n) =>
        n.op('RESHAPE', [n.op('TRANSPOSE', [n.input(2, 3), n.ints(1, 0)]), n.ints(6)]),
    },
  },
  {
    rule: 'squeeze-to-reshape',
    fits: (n) =>
      n.op('EXPAND_DIMS', [n.op('SQUEEZE', [n.input(-1, 1, 3)], { squeezeDims: [1] }), n.ints(2)]),
    leaves: ['RESHAPE', 'RESHAPE'],
    misses: {
      'two unknown dimensions': (n) => n.op('SQUEEZE', [n.input(-1, 1, -1)], { squeezeDims: [1] }),
    },
  },
  {
    rule: 'remove-transpose',
    fits: (n) => n.op('TRANSPOSE', [n.input(-1, 3, -1), n.ints(0, 1, 2)]),
    leaves: [],
    misses: { 'a real one': (n) => n.op('TRANSPOSE', [n.input(2, 2), n.ints(1, 0)]) },
  },
  {
    rule: 'compose-transposes',
    fits: (n) =>
      n.op('TRANSPOSE', [n.op('TRANSPOSE', [n.input(...shape), n.ints(1, 2, 0)]), n.ints(0, 2, 1)]),
    leaves: ['TRANSPOSE'],
    misses: {
      'one transpose': (n) => n.op('TRANSPOSE', [n.op('ABS', [n.input(2, 3)]), n.ints(1, 0)]),
    },
  },
  {
    rule: 'transpose-to-reshape',
    fits: (n) => n.op('TRANSPOSE', [n.input(-1, 1, 4, 1), n.ints(0, 3, 2, 1)]),
    leaves: ['RESHAPE'],
    misses: {
      'dimensions that change places': (n) =>
        n.op('TRANSPOSE', [n.input(1, 3, 4), n.ints(0, 2, 1)]),
    },
  },
  {
    rule: 'remove-pad',
    fits: (n) => n.op('PAD', [n.input(-1, 3), n.table([2, 2], [0, 0, 0, 0])]),
    leaves: [],
    misses: { 'one zero': (n) => n.op('PAD', [n.input(-1, 3), n.table([2, 2], [0, 0, 0, 1])]) },
  },
  {
    rule: 'compose-pads',
    fits: (n) =>
      n.op('PAD', [
        n.op('PAD', [n.input(2, 3), n.table([2, 2], [0, 1, 2, 0])]),
        n.table([2, 2], [1, 1, 0, 3]),
      ]),
    leaves: ['PAD'],
    misses: {
      'the first is read elsewhere': (n) => {
        const first = n.op('PAD', [n.input(2, 3), n.table([2, 2], [0, 1, 2, 0])]);
        return [first, n.op('PAD', [first, n.table([2, 2], [1, 1, 0, 3])])];
      },
    },
  },
  {
    rule: 'remove-tile',
    fits: (n) => n.op('TILE', [n.input(-1, 3), n.ints(1, 1)]),
    leaves: [],
    misses: { 'a repetition': (n) => n.op('TILE', [n.input(-1, 3), n.ints(1, 2)]) },
  },
  {
    rule: 'remove-no-op-of-same-size',
    fits: (n) =>
      n.op('RESIZE_NEAREST_NEIGHBOR', [
        n.op('BROADCAST_TO', [
          n.op('SLICE', [n.input(1, 4, 4, 2), n.ints(0, 0, 0, 0), n.ints(1, 4, 4, 2)]),
          n.ints(1, 4, 4, 2),
        ]),
        n.ints(4, 4),
      ]),
    leaves: [],
    misses: {
      'another size': (n) => n.op('RESIZE_BILINEAR', [n.input(1, 4, 4, 2), n.ints(8, 8)]),
      'a broadcast': (n) => n.op('BROADCAST_TO', [n.input(1, 4), n.ints(3, 4)]),
    },
  },
  {
    rule: 'remove-slice',
    fits: (n) => n.op('SLICE', [n.input(-1, 3), n.ints(0, 0), n.ints(-1, -1)]),
    leaves: [],
    misses: {
      'a first row left out': (n) => n.op('SLICE', [n.input(-1, 3), n.ints(1, 0), n.ints(-1, -1)]),
    },
  },
  {
    rule: 'remove-strided-slice',
    fits: (n) =>
      n.op('STRIDED_SLICE', [n.input(-1, 3), n.ints(0, 0), n.ints(0, 0), n.ints(1, 1)], {
        beginMask: 3,
        endMask: 3,
      }),
    leaves: [],
    misses: {
      'every other row': (n) =>
        n.op('STRIDED_SLICE', [n.input(-1, 3), n.ints(0, 0), n.ints(0, 0), n.ints(2, 1)], {
          beginMask: 3,
          endMask: 3,
        }),
      'an end': (n) =>
        n.op('STRIDED_SLICE', [n.input(-1, 3), n.ints(0, 0), n.ints(1, 0), n.ints(1, 1)], {
          beginMask: 3,
          endMask: 2,
        }),
    },
  },
  {
    rule: 'remove-concatenation',
    fits: (n) => n.op('CONCATENATION', [n.input(2, 3)], { axis: 1 }),
    leaves: [],
    misses: {
      'twice the same': (n) => {
        const x = n.input(2, 3);
        return n.op('CONCATENATION', [x, x], { axis: 1 });
      },
    },
  },
  {
    rule: 'flatten-concatenation',
    fits: (n) =>
      n.op(
        'CONCATENATION',
        [n.op('CONCATENATION', [n.input(2, 3), n.input(2, 1)], { axis: 1 }), n.input(2, 2)],
        { axis: -1 },
      ),
    leaves: ['CONCATENATION'],
    misses: {
      'another axis': (n) =>
        n.op(
          'CONCATENATION',
          [n.op('CONCATENATION', [n.input(1, 3), n.input(1, 3)], { axis: 0 }), n.input(2, 2)],
          { axis: 1 },
        ),
    },
  },
  {
    rule: 'remove-split',
    fits: (n) => n.ops('SPLIT', [n.table([], [1]), n.input(2, 3)], { numSplits: 1 }),
    leaves: [],
    misses: {
      'two parts': (n) => n.ops('SPLIT', [n.table([], [0]), n.input(2, 3)], { numSplits: 2 }),
    },
  },
  {
    rule: 'reduce-to-reshape',
    fits: (n) => n.op('MEAN', [n.input(-1, 1, 3), n.ints(1)], { keepDims: false }),
    leaves: ['RESHAPE'],
    misses: {
      'a dimension of two': (n) =>
        n.op('MEAN', [n.input(-1, 2, 3), n.ints(1)], { keepDims: false }),
    },
  },
  {
    rule: 'gather-to-slice',
    fits: (n) => n.op('GATHER', [n.input(-1, 5, 3), n.table([], [2])], { axis: 1 }),
    leaves: ['SLICE', 'RESHAPE'],
    misses: {
      'two indices': (n) => n.op('GATHER', [n.input(-1, 5, 3), n.ints(2, 4)], { axis: 1 }),
    },
  },
  {
    rule: 'fold-broadcast-into-arithmetic',
    fits: (n) => n.op('ADD', [n.op('BROADCAST_TO', [n.input(1, 3), n.ints(2, 3)]), n.input(2, 3)]),
    leaves: ['ADD'],
    misses: {
      'the other one is small too': (n) =>
        n.op('ADD', [n.op('BROADCAST_TO', [n.input(1, 3), n.ints(2, 3)]), n.input(1, 3)]),
      'a tile that repeats rows': (n) =>
        n.op('ADD', [n.op('TILE', [n.input(2, 3), n.ints(2, 1)]), n.input(4, 3)]),
    },
  },
]);

ruleSuite('constants', [
  {
    rule: 'fold-transpose',
    fits: (n) =>
      n.op('ADD', [n.input(4, 2, 3), n.op('TRANSPOSE', [n.floats([2, 3, 4]), n.ints(2, 0, 1)])]),
    leaves: ['ADD'],
    misses: {
      'a value that varies': (n) => n.op('TRANSPOSE', [n.input(2, 3, 4), n.ints(2, 0, 1)]),
    },
  },
  {
    rule: 'fold-constants',
    fits: (n) =>
      n.op('ADD', [
        n.input(2, 3),
        n.op('TRANSPOSE', [n.op('EXP', [n.floats([3, 2])]), n.ints(1, 0)]),
      ]),
    leaves: ['ADD'],
    misses: {
      'a result much larger than what it is made of': (n) =>
        n.op('ADD', [n.input(1), n.op('BROADCAST_TO', [n.scalar(1), n.ints(300, 300)])]),
      'an index out of range': (n) =>
        n.op('ADD', [n.input(1), n.op('GATHER', [n.floats([3]), n.ints(7)], { axis: 0 })]),
    },
  },
  {
    rule: 'merge-duplicates',
    fits: (n) => {
      const x = n.input(1, 4, 4, 2);
      const conv = () =>
        n.op('CONV_2D', [x, n.floats([3, 2, 2, 2]), null], {
          padding: Padding.VALID,
          strideH: 1,
          strideW: 1,
        });
      return n.op('MUL', [n.op('ABS', [conv()]), conv()]);
    },
    leaves: ['CONV_2D', 'ABS', 'MUL'],
    misses: {
      'other options': (n) => {
        const x = n.input(2, 2);
        return n.op('ADD', [
          n.op('LEAKY_RELU', [x], { alpha: 0.1 }),
          n.op('LEAKY_RELU', [x], { alpha: 0.2 }),
        ]);
      },
      'other constants': (n) => {
        const x = n.input(2, 2);
        return n.op('ADD', [n.op('MUL', [x, n.scalar(2)]), n.op('MUL', [x, n.scalar(3)])]);
      },
    },
  },
  {
    rule: 'share-constants',
    fits: (n) => {
      const layer = (x: number) => n.op('FULLY_CONNECTED', [x, n.floats([3, 3]), null]);
      return layer(layer(n.input(2, 3)));
    },
    leaves: ['FULLY_CONNECTED', 'FULLY_CONNECTED'],
    misses: {
      'other values': (n) =>
        n.op('ADD', [
          n.op('MUL', [n.input(3), n.floats([3], [1, 2, 3])]),
          n.floats([3], [1, 2, 4]),
        ]),
      'another shape': (n) =>
        n.op('ADD', [n.op('MUL', [n.input(1, 3), n.floats([3])]), n.floats([1, 3], [7, 8, 9])]),
    },
  },
]);
