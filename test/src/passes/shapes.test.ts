/** Rules that get rid of shapes computed at run time. */
import type { TensorId } from '../../../converter/dist/graph/graph.js';
import type { Net } from './net.js';
import { ruleSuite } from './rule-case.js';

/** One dimension of a shape vector, as TensorFlow takes it out. */
const dimension = (n: Net, shape: TensorId, axis: number): TensorId =>
  n.op('STRIDED_SLICE', [shape, n.ints(axis), n.ints(axis + 1), n.ints(1)], { shrinkAxisMask: 1 });

const number = (n: Net, value: number): TensorId => n.table([], [value]);

ruleSuite('shape arithmetic', [
  {
    rule: 'fold-shape-arithmetic',
    fits: (n) => {
      const x = n.input(-1, 3, 4);
      const shape = n.op('SHAPE', [x]);
      const size = n.op('MUL', [dimension(n, shape, 1), dimension(n, shape, 2)]);
      return n.op('RESHAPE', [x, n.op('PACK', [number(n, -1), size], { valuesCount: 2 })]);
    },
    leaves: ['RESHAPE'],
    misses: {
      'the dimension is not known': (n) => {
        const x = n.input(-1, 3);
        return dimension(n, n.op('SHAPE', [x]), 0);
      },
      'data that is no shape': (n) =>
        n.op('ADD', [n.typed({ dtype: 'int32', shape: [2] }), n.ints(1, 2)]),
    },
  },
  {
    rule: 'fold-rank',
    fits: (n) => n.op('RANK', [n.input(-1, 3)]),
    leaves: [],
    misses: {},
  },
  {
    rule: 'fix-reshape',
    fits: (n) => {
      const x = n.input(-1, 3, 4);
      const batch = dimension(n, n.op('SHAPE', [x]), 0);
      return n.op('RESHAPE', [x, n.op('PACK', [batch, number(n, 12)], { valuesCount: 2 })]);
    },
    leaves: ['RESHAPE'],
    misses: {
      'two elements are not known': (n) => {
        const x = n.input(-1, -1, 4);
        const shape = n.op('SHAPE', [x]);
        const parts = [dimension(n, shape, 1), dimension(n, shape, 0), number(n, 4)];
        return n.op('RESHAPE', [x, n.op('PACK', parts, { valuesCount: 3 })]);
      },
    },
  },
  {
    rule: 'move-shape-up',
    fits: (n) => n.op('SHAPE', [n.op('RELU', [n.op('ADD', [n.input(-1, 3), n.scalar(1)])])]),
    leaves: ['SHAPE'],
    misses: {
      'an op that may broadcast': (n) =>
        n.op('SHAPE', [n.op('ADD', [n.input(-1, 3), n.input(-1, 3)])]),
    },
  },
  {
    rule: 'fully-connected-keeps-dimensions',
    fits: (n) => {
      const x = n.input(-1, -1, 4);
      const shape = n.op('SHAPE', [x]);
      const flat = n.op('RESHAPE', [x, n.ints(-1, 4)]);
      const dense = n.op('FULLY_CONNECTED', [flat, n.floats([5, 4]), null]);
      const parts = [dimension(n, shape, 0), dimension(n, shape, 1), number(n, 5)];
      return n.op('RESHAPE', [dense, n.op('PACK', parts, { valuesCount: 3 })]);
    },
    leaves: ['FULLY_CONNECTED'],
    misses: {
      'the dimensions come out in another order': (n) => {
        const x = n.input(-1, -1, 4);
        const shape = n.op('SHAPE', [x]);
        const flat = n.op('RESHAPE', [x, n.ints(-1, 4)]);
        const dense = n.op('FULLY_CONNECTED', [flat, n.floats([5, 4]), null]);
        const parts = [dimension(n, shape, 1), dimension(n, shape, 0), number(n, 5)];
        return n.op('RESHAPE', [dense, n.op('PACK', parts, { valuesCount: 3 })]);
      },
      'rows that are not reshaped before': (n) => {
        const dense = n.op('FULLY_CONNECTED', [
          n.op('ABS', [n.input(6, 4)]),
          n.floats([5, 4]),
          null,
        ]);
        return n.op('RESHAPE', [dense, n.ints(2, 3, 5)]);
      },
    },
  },
  {
    rule: 'fully-connected-keeps-dimensions',
    fits: (n) => {
      const flat = n.op('RESHAPE', [n.input(2, 3, 8), n.ints(-1, 4)]);
      const dense = n.op('FULLY_CONNECTED', [flat, n.floats([5, 4]), null]);
      return n.op('RESHAPE', [dense, n.ints(2, 6, 5)]);
    },
    leaves: ['RESHAPE', 'FULLY_CONNECTED'],
    misses: {},
  },
]);
