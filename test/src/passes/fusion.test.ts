/** Rules that fold what surrounds convolutions and dense layers into them. */
import { Padding } from '@linnet/schema';
import type { TensorId } from '../../../converter/dist/graph/graph.js';
import type { Net } from './net.js';
import { ruleSuite } from './rule-case.js';

const VALID = { padding: Padding.VALID, strideH: 1, strideW: 1 } as const;
const SAME = { ...VALID, padding: Padding.SAME } as const;

const image = (n: Net) => n.input(2, 6, 6, 4);
const conv = (n: Net, x: TensorId, options: object = VALID) =>
  n.op('CONV_2D', [x, n.floats([3, 3, 3, 4]), n.floats([3])], options);
const depthwise = (n: Net, x: TensorId, options: object = VALID) =>
  n.op('DEPTHWISE_CONV_2D', [x, n.floats([1, 3, 3, 8]), null], { ...options, depthMultiplier: 2 });
const dense = (n: Net, x: TensorId) => n.op('FULLY_CONNECTED', [x, n.floats([5, 4]), null]);
const transposed = (n: Net, x: TensorId) =>
  n.op('TRANSPOSE_CONV', [n.ints(2, 8, 8, 3), n.floats([3, 3, 3, 4]), x], VALID);
const pad = (n: Net, x: TensorId, top: number, bottom: number, channels = 0) =>
  n.op('PAD', [x, n.table([4, 2], [0, 0, top, bottom, top, bottom, 0, channels])]);
const normalize = (n: Net, x: TensorId, channels: number) =>
  n.op('ADD', [n.op('MUL', [x, n.floats([channels])]), n.floats([1, 1, 1, channels])]);

ruleSuite('scales and biases', [
  {
    rule: 'fold-scale-and-bias-after',
    fits: (n) => {
      const x = image(n);
      return [
        normalize(n, conv(n, x), 3),
        normalize(n, depthwise(n, x), 8),
        normalize(n, transposed(n, x), 3),
        n.op('SUB', [n.op('DIV', [dense(n, n.input(2, 4)), n.scalar(3)]), n.floats([5])]),
      ];
    },
    leaves: ['CONV_2D', 'DEPTHWISE_CONV_2D', 'TRANSPOSE_CONV', 'FULLY_CONNECTED'],
    tolerance: 1e-5,
    misses: {
      'an activation between': (n) => normalize(n, n.op('RELU', [conv(n, image(n))]), 3),
      'a fused activation': (n) =>
        n.op('MUL', [conv(n, image(n), { ...VALID, fusedActivationFunction: 1 }), n.scalar(2)]),
      'a result that is read elsewhere': (n) => {
        const result = conv(n, image(n));
        return [result, n.op('ADD', [result, n.scalar(1)])];
      },
      'one number per pixel': (n) => n.op('MUL', [conv(n, image(n)), n.floats([4, 4, 1])]),
      'c - conv(x)': (n) => n.op('SUB', [n.scalar(1), conv(n, image(n))]),
    },
  },
  {
    rule: 'fold-scale-and-shift-before',
    fits: (n) => {
      const x = image(n);
      return [
        conv(n, normalize(n, x, 4)),
        depthwise(n, n.op('MUL', [x, n.floats([4])]), SAME),
        dense(n, normalize(n, n.input(1, 1, 2, 4), 4)),
      ];
    },
    leaves: ['CONV_2D', 'DEPTHWISE_CONV_2D', 'FULLY_CONNECTED'],
    tolerance: 1e-5,
    misses: {
      'a shift that padding does not have': (n) =>
        conv(n, n.op('ADD', [image(n), n.floats([4])]), SAME),
      'a reader that cannot take it': (n) => {
        const scaled = n.op('MUL', [image(n), n.floats([4])]);
        return [conv(n, scaled), n.op('ABS', [scaled])];
      },
    },
  },
  {
    rule: 'raise-scale-and-bias',
    fits: (n) => {
      const line = n.op('RESHAPE', [n.input(-1, 6, 4), n.ints(-1, 1, 6, 4)]);
      const result = n.op('CONV_2D', [line, n.floats([3, 1, 3, 4]), n.floats([3])], VALID);
      return n.op('ADD', [n.op('RESHAPE', [result, n.ints(-1, 4, 3)]), n.floats([3])]);
    },
    leaves: ['RESHAPE', 'CONV_2D', 'ADD', 'RESHAPE'],
    misses: {
      'one number per pixel and channel': (n) =>
        n.op('ADD', [n.op('RESHAPE', [conv(n, image(n)), n.ints(2, 48)]), n.floats([48])]),
      'half of the channels': (n) => {
        const heads = n.op('RESHAPE', [
          n.op('FULLY_CONNECTED', [n.input(3, 4), n.floats([6, 4]), null]),
          n.ints(3, 2, 3),
        ]);
        return n.op('ADD', [heads, n.floats([3])]);
      },
    },
  },
  {
    rule: 'raise-scale-and-bias',
    fits: (n) => {
      const heads = n.op('RESHAPE', [
        n.op('FULLY_CONNECTED', [n.input(3, 4), n.floats([6, 4]), null]),
        n.ints(3, 2, 3),
      ]);
      return n.op('ADD', [heads, n.floats([1, 2, 3])]);
    },
    leaves: ['FULLY_CONNECTED', 'ADD', 'RESHAPE'],
    misses: {},
  },
  {
    rule: 'raise-activation',
    fits: (n) => n.op('RELU', [n.op('RESHAPE', [conv(n, image(n)), n.ints(2, 48)])]),
    leaves: ['CONV_2D', 'RELU', 'RESHAPE'],
    misses: {
      'a softmax': (n) =>
        n.op('SOFTMAX', [n.op('RESHAPE', [conv(n, image(n)), n.ints(2, 48)])], { beta: 1 }),
      'a reshape of something else': (n) =>
        n.op('RELU', [n.op('RESHAPE', [n.op('ABS', [image(n)]), n.ints(2, 144)])]),
    },
  },
  {
    rule: 'give-bias',
    fits: (n) => [
      depthwise(n, image(n)),
      n.op('CONV_2D', [n.input(1, 4, 4, 2), n.floats([3, 2, 2, 2]), null], VALID),
    ],
    leaves: ['DEPTHWISE_CONV_2D', 'CONV_2D'],
    misses: { 'a bias that is there': (n) => conv(n, image(n)) },
  },
]);

ruleSuite('fused activations', [
  {
    rule: 'fuse-activation',
    fits: (n) => {
      const x = image(n);
      const pool = { ...VALID, filterHeight: 2, filterWidth: 2 };
      return [
        n.op('RELU', [conv(n, x)]),
        n.op('RELU6', [n.op('ADD', [x, n.floats([4])])]),
        n.op('RELU_N1_TO_1', [n.op('AVERAGE_POOL_2D', [x], pool)]),
      ];
    },
    leaves: ['CONV_2D', 'ADD', 'AVERAGE_POOL_2D'],
    misses: {
      'an op that cannot clamp': (n) =>
        n.op('RELU', [n.op('MEAN', [image(n), n.ints(1, 2)], { keepDims: false })]),
      'a second activation': (n) =>
        n.op('RELU6', [conv(n, image(n), { ...VALID, fusedActivationFunction: 1 })]),
      'a result that is read elsewhere': (n) => {
        const result = conv(n, image(n));
        return [result, n.op('RELU', [result])];
      },
    },
  },
]);

ruleSuite('windows', [
  {
    rule: 'fold-pad',
    fits: (n) => {
      const x = image(n);
      const pooled = n.op('MAX_POOL_2D', [pad(n, n.op('RELU', [x]), 1, 1)], {
        ...VALID,
        filterHeight: 3,
        filterWidth: 3,
      });
      return [
        conv(n, pad(n, x, 1, 1)),
        depthwise(n, pad(n, x, 0, 1), { ...VALID, strideH: 2, strideW: 2 }),
        pooled,
      ];
    },
    leaves: ['RELU', 'MAX_POOL_2D', 'CONV_2D', 'DEPTHWISE_CONV_2D'],
    misses: {
      'SAME would pad on the other side': (n) =>
        conv(n, pad(n, image(n), 1, 0), { ...VALID, strideH: 2, strideW: 2 }),
      'padded channels': (n) =>
        n.op('CONV_2D', [pad(n, image(n), 1, 1, 1), n.floats([3, 3, 3, 5]), null], VALID),
      'a maximum over negative values': (n) =>
        n.op('MAX_POOL_2D', [pad(n, image(n), 1, 1)], {
          ...VALID,
          filterHeight: 3,
          filterWidth: 3,
        }),
      'an unknown size': (n) => conv(n, pad(n, n.input(1, -1, -1, 4), 1, 1)),
    },
  },
  {
    rule: 'dilated-convolution',
    fits: (n) => {
      const block = n.ints(2, 2);
      const x = n.input(1, 7, 7, 4);
      const spread = n.op('SPACE_TO_BATCH_ND', [x, block, n.table([2, 2], [2, 3, 2, 3])]);
      return n.op('BATCH_TO_SPACE_ND', [conv(n, spread), block, n.table([2, 2], [0, 1, 0, 1])]);
    },
    leaves: ['PAD', 'CONV_2D'],
    misses: {
      'another block': (n) => {
        const spread = n.op('SPACE_TO_BATCH_ND', [
          n.input(1, 8, 8, 4),
          n.ints(2, 2),
          n.table([2, 2], [0, 0, 0, 0]),
        ]);
        return n.op('BATCH_TO_SPACE_ND', [
          conv(n, spread),
          n.ints(4, 1),
          n.table([2, 2], [0, 0, 0, 0]),
        ]);
      },
      'a strided convolution': (n) => {
        const block = n.ints(2, 2);
        const spread = n.op('SPACE_TO_BATCH_ND', [
          n.input(1, 8, 8, 4),
          block,
          n.table([2, 2], [0, 0, 0, 0]),
        ]);
        return n.op('BATCH_TO_SPACE_ND', [
          conv(n, spread, { ...VALID, strideH: 2 }),
          block,
          n.table([2, 2], [0, 0, 0, 0]),
        ]);
      },
    },
  },
  {
    rule: 'dilated-convolution-1d',
    fits: (n) => {
      const spread = n.op('SPACE_TO_BATCH_ND', [
        n.input(1, 9, 4),
        n.ints(2),
        n.table([1, 2], [2, 3]),
      ]);
      const row = n.op('RESHAPE', [spread, n.ints(2, 1, 7, 4)]);
      const result = n.op('CONV_2D', [row, n.floats([3, 1, 3, 4]), null], VALID);
      return n.op('BATCH_TO_SPACE_ND', [
        n.op('RESHAPE', [result, n.ints(2, 5, 3)]),
        n.ints(2),
        n.table([1, 2], [0, 1]),
      ]);
    },
    leaves: ['RESHAPE', 'PAD', 'CONV_2D', 'RESHAPE'],
    misses: {
      'a column of an image': (n) => {
        const spread = n.op('SPACE_TO_BATCH_ND', [
          n.input(1, 8, 4),
          n.ints(2),
          n.table([1, 2], [0, 0]),
        ]);
        const column = n.op('RESHAPE', [spread, n.ints(2, 4, 1, 4)]);
        const result = n.op('CONV_2D', [column, n.floats([3, 3, 1, 4]), null], VALID);
        return n.op('BATCH_TO_SPACE_ND', [
          n.op('RESHAPE', [result, n.ints(2, 2, 3)]),
          n.ints(2),
          n.table([1, 2], [0, 0]),
        ]);
      },
    },
  },
  {
    rule: 'grouped-to-depthwise',
    fits: (n) => n.op('CONV_2D', [image(n), n.floats([8, 3, 3, 1]), n.floats([8])], VALID),
    leaves: ['DEPTHWISE_CONV_2D'],
    misses: {
      'two channels per group': (n) =>
        n.op('CONV_2D', [image(n), n.floats([8, 3, 3, 2]), n.floats([8])], VALID),
    },
  },
]);

/** Every pixel `factor` times along height (2) or width (3), as Keras writes np.repeat. */
const repeat = (n: Net, x: TensorId, at: 2 | 3, factor: number) => {
  const shape = [...n.shape(x)];
  const spread = [...shape.slice(0, at), 1, ...shape.slice(at)];
  const multiples = spread.map((_, axis) => (axis === at ? factor : 1));
  const tiled = n.op('TILE', [n.op('RESHAPE', [x, n.ints(...spread)]), n.ints(...multiples)]);
  shape[at - 1]! *= factor;
  return n.op('RESHAPE', [tiled, n.ints(...shape)]);
};

ruleSuite('resizes', [
  {
    rule: 'repeat-to-resize',
    fits: (n) => repeat(n, n.input(-1, 4, 5, 3), 3, 7),
    leaves: ['RESHAPE', 'RESHAPE', 'RESIZE_NEAREST_NEIGHBOR'],
    misses: {
      'a tile of the whole image': (n) => {
        const tiled = n.op('TILE', [n.input(1, 1, 4, 5, 3), n.ints(1, 1, 2, 1, 1)]);
        return n.op('RESHAPE', [tiled, n.ints(1, 8, 5, 3)]);
      },
    },
  },
  {
    rule: 'compose-resizes',
    fits: (n) => {
      const nearest = { halfPixelCenters: true, alignCorners: false };
      const inner = n.op('RESIZE_NEAREST_NEIGHBOR', [n.input(1, 4, 5, 3), n.ints(12, 5)], nearest);
      return n.op('RESIZE_NEAREST_NEIGHBOR', [inner, n.ints(12, 35)], nearest);
    },
    leaves: ['RESIZE_NEAREST_NEIGHBOR'],
    misses: {
      'a factor that is not whole': (n) => {
        const nearest = { halfPixelCenters: true, alignCorners: false };
        const inner = n.op('RESIZE_NEAREST_NEIGHBOR', [n.input(1, 4, 5, 3), n.ints(6, 5)], nearest);
        return n.op('RESIZE_NEAREST_NEIGHBOR', [inner, n.ints(12, 5)], nearest);
      },
    },
  },
]);

ruleSuite('matrix products', [
  {
    rule: 'matmul-to-fully-connected',
    fits: (n) => [
      n.op('BATCH_MATMUL', [n.input(-1, 4), n.floats([4, 5])]),
      n.op('BATCH_MATMUL', [n.input(2, 3, 4), n.floats([1, 5, 4])], { adjY: true }),
    ],
    leaves: ['FULLY_CONNECTED', 'FULLY_CONNECTED'],
    misses: {
      'weights of several matrices': (n) =>
        n.op('BATCH_MATMUL', [n.input(2, 3, 4), n.floats([2, 4, 5])]),
      'a transposed left side': (n) =>
        n.op('BATCH_MATMUL', [n.input(4, 3), n.floats([4, 5])], { adjX: true }),
    },
  },
  {
    rule: 'fold-transpose-into-matmul',
    fits: (n) =>
      n.op('BATCH_MATMUL', [
        n.input(2, 3, 4),
        n.op('TRANSPOSE', [n.input(2, 5, 4), n.ints(0, 2, 1)]),
      ]),
    leaves: ['BATCH_MATMUL'],
    misses: {
      'a transpose of the batch': (n) =>
        n.op('BATCH_MATMUL', [
          n.input(2, 3, 4),
          n.op('TRANSPOSE', [n.input(4, 2, 5), n.ints(1, 0, 2)]),
        ]),
    },
  },
  {
    rule: 'fold-adjoint-into-transpose',
    fits: (n) => {
      const turned = n.op('TRANSPOSE', [n.input(2, 5, 3, 4), n.ints(0, 2, 1, 3)]);
      return n.op('BATCH_MATMUL', [n.input(2, 3, 6, 4), turned], { adjY: true });
    },
    leaves: ['TRANSPOSE', 'BATCH_MATMUL'],
    misses: {
      'no adjoint': (n) =>
        n.op('BATCH_MATMUL', [
          n.input(2, 3, 6, 5),
          n.op('TRANSPOSE', [n.input(2, 5, 3, 4), n.ints(0, 2, 1, 3)]),
        ]),
    },
  },
  {
    rule: 'transpose-of-matmul',
    fits: (n) =>
      n.op('TRANSPOSE', [
        n.op('BATCH_MATMUL', [n.input(2, 3, 4), n.input(2, 5, 4)], { adjY: true }),
        n.ints(0, 2, 1),
      ]),
    leaves: ['BATCH_MATMUL'],
    misses: {
      'a product that is read elsewhere': (n) => {
        const product = n.op('BATCH_MATMUL', [n.input(2, 3, 4), n.input(2, 4, 5)]);
        return [product, n.op('TRANSPOSE', [product, n.ints(0, 2, 1)])];
      },
    },
  },
]);
