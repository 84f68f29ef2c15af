import { normalizeAxis } from '@linnet/schema';
import { broadcastOffsets, offsets, pick, pickOrFill, retype, stridesOf } from './indexing.js';
import type { ReferenceFamily, ReferenceKernel } from './kernel.js';
import {
  fromIntegers,
  fromReals,
  indices,
  integers,
  isFloat,
  numericElements,
  reals,
  required,
  sizeOf,
} from './values.js';

/** The same elements under another shape. */
const reshape: ReferenceKernel<'RESHAPE' | 'SQUEEZE' | 'EXPAND_DIMS'> = ({ inputs, outputs }) => [
  retype(required(inputs, 0), outputs[0]!),
];

export const SHAPE: ReferenceFamily<
  | 'RESHAPE'
  | 'SQUEEZE'
  | 'EXPAND_DIMS'
  | 'TRANSPOSE'
  | 'BROADCAST_TO'
  | 'BROADCAST_ARGS'
  | 'SHAPE'
  | 'RANK'
  | 'FILL'
  | 'RANGE'
  | 'ONE_HOT'
  | 'TILE'
  | 'MATRIX_DIAG'
  | 'MATRIX_SET_DIAG'
> = {
  RESHAPE: reshape,
  SQUEEZE: reshape,
  EXPAND_DIMS: reshape,

  /** Dimension d of the output is dimension permutation[d] of the input. */
  TRANSPOSE: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const rank = x.shape.length;
    const strides = stridesOf(x.shape);
    const permuted = indices(required(inputs, 1)).map((d) => strides[normalizeAxis(d, rank)]!);
    return [pick(x, outputs[0]!, offsets(outputs[0]!.shape, permuted))];
  },

  BROADCAST_TO: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    return [pick(x, outputs[0]!, broadcastOffsets(x.shape, outputs[0]!.shape))];
  },

  /** The shape that two shapes broadcast to. */
  BROADCAST_ARGS: ({ inputs, outputs }) => {
    const a = integers(required(inputs, 0));
    const b = integers(required(inputs, 1));
    const rank = Math.max(a.length, b.length);
    const dims = Array.from({ length: rank }, (_, d) => {
      const x = a[d - rank + a.length] ?? 1n;
      const y = b[d - rank + b.length] ?? 1n;
      return x === 1n ? y : x;
    });
    return [fromIntegers(outputs[0]!, dims)];
  },

  SHAPE: ({ inputs, outputs }) => [
    fromIntegers(outputs[0]!, required(inputs, 0).shape.map(BigInt)),
  ],

  RANK: ({ inputs, outputs }) => [
    fromIntegers(outputs[0]!, [BigInt(required(inputs, 0).shape.length)]),
  ],

  FILL: ({ inputs, outputs }) => {
    const count = sizeOf(outputs[0]!.shape);
    return [pick(required(inputs, 1), outputs[0]!, new Int32Array(count))];
  },

  /** start, start + delta, ... up to and without limit. */
  RANGE: ({ inputs, outputs }) => {
    const output = outputs[0]!;
    const count = sizeOf(output.shape);
    const start = required(inputs, 0);
    const delta = required(inputs, 2);
    if (isFloat(output.dtype)) {
      const [first, step] = [reals(start)[0]!, reals(delta)[0]!];
      return [
        fromReals(
          output,
          Float64Array.from({ length: count }, (_, i) => first + i * step),
        ),
      ];
    }
    const [first, step] = [integers(start)[0]!, integers(delta)[0]!];
    return [
      fromIntegers(
        output,
        Array.from({ length: count }, (_, i) => first + BigInt(i) * step),
      ),
    ];
  },

  /** The on value where the coordinate along the new axis equals the index, else the off value. */
  ONE_HOT: ({ inputs, outputs, options }) => {
    const at = indices(required(inputs, 0));
    const on = required(inputs, 2);
    const off = required(inputs, 3);
    const { shape } = outputs[0]!;
    const axis = options.axis < 0 ? options.axis + shape.length : options.axis;
    const inner = sizeOf(shape.slice(axis + 1));
    const depth = shape[axis]!;
    const hot = new Int32Array(sizeOf(shape)).map((_, i) => {
      const index = at[Math.floor(i / (depth * inner)) * inner + (i % inner)];
      return index === Math.floor(i / inner) % depth ? 0 : -1;
    });
    return [pickOrFill(on, outputs[0]!, hot, off)];
  },

  /** The input repeated multiples[d] times along dimension d. */
  TILE: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const multiples = indices(required(inputs, 1));
    const strides = stridesOf(x.shape);
    const shape = x.shape.flatMap((dim, d) => [multiples[d]!, dim]);
    return [
      pick(
        x,
        outputs[0]!,
        offsets(
          shape,
          strides.flatMap((stride) => [0, stride]),
        ),
      ),
    ];
  },

  /** Vectors along the last dimension become the diagonals of square matrices of zeros. */
  MATRIX_DIAG: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const n = x.shape.at(-1)!;
    const at = new Int32Array(sizeOf(outputs[0]!.shape)).map((_, i) => {
      const [row, column] = [Math.floor(i / n) % n, i % n];
      return row === column ? Math.floor(i / (n * n)) * n + row : -1;
    });
    return [pickOrFill(x, outputs[0]!, at)];
  },

  /** Matrices whose main diagonals are replaced by vectors. */
  MATRIX_SET_DIAG: ({ inputs, outputs }) => {
    const x = required(inputs, 0);
    const elements = numericElements(x).slice();
    const diagonal = numericElements(required(inputs, 1));
    const [rows, columns] = [x.shape.at(-2)!, x.shape.at(-1)!];
    const length = Math.min(rows, columns);
    for (let i = 0; i < diagonal.length; i++) {
      const [matrix, k] = [Math.floor(i / length), i % length];
      elements[matrix * rows * columns + k * (columns + 1)] = diagonal[i]!;
    }
    return [retype({ ...x, elements }, outputs[0]!)];
  },
};
