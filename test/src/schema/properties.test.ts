import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  broadcastShapes,
  byteLength,
  DTYPE_NAMES,
  decodeStrings,
  elementCount,
  encodeStrings,
  Padding,
  read,
  type Tensor,
  windowSpan,
} from '@linnet/schema';
import { resolveStridedSlice } from '@linnet/schema/ops/strided-slice';
import { write } from '@linnet/schema/write';
import fc from 'fast-check';
import { writeModel } from '../../../schema/dist/write/layout.js';

const dim = fc.integer({ min: 0, max: 5 });

const tensor: fc.Arbitrary<Tensor> = fc
  .record({
    name: fc.string({ unit: 'grapheme' }),
    dtype: fc.constantFrom(...DTYPE_NAMES.filter((dtype) => dtype !== 'string')),
    shape: fc.array(dim, { maxLength: 4 }),
    isConstant: fc.boolean(),
    fill: fc.nat(255),
    unknown: fc.boolean(),
    scale: fc.option(fc.float({ noNaN: true, noDefaultInfinity: true })),
    zeroPoint: fc.integer(),
  })
  .map(({ name, dtype, shape, isConstant, fill, unknown, scale, zeroPoint }) => {
    const size = byteLength(dtype, elementCount(shape) ?? 0);
    return {
      name,
      dtype,
      shape: isConstant || !unknown ? shape : shape.map(() => -1),
      data: isConstant ? new Uint8Array(size).fill(fill) : null,
      isVariable: !isConstant && unknown,
      ...(scale !== null && {
        quantization: {
          kind: 'affine',
          scale: Float32Array.of(scale),
          zeroPoint: Int32Array.of(zeroPoint),
          axis: 0,
        },
      }),
    };
  });

test('models of any tensors are read back as they were written', () => {
  fc.assert(
    fc.property(fc.array(tensor), fc.string(), fc.nat(2000), (tensors, description, limit) => {
      const model = {
        description,
        subgraphs: [{ name: 'main', tensors, operators: [], inputs: [], outputs: [] }],
        signatures: [],
        metadata: [],
      };
      assert.deepEqual(read(write(model)), model);
      assert.deepEqual(read(writeModel(model, limit)), model);
    }),
  );
});

test('any byte strings are decoded as they were encoded', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (strings) => {
      assert.deepEqual(decodeStrings(encodeStrings(strings)), strings);
    }),
  );
});

/** The elements of begin:end:stride, found by walking, with Python's rules for bounds. */
function walk(size: number, begin: number, end: number, stride: number): number[] {
  const fromFront = (bound: number) => (bound < 0 ? bound + size : bound);
  const taken: number[] = [];
  const stop = fromFront(end);
  let index = fromFront(begin);
  // A begin outside is clamped to the first or last element on that side.
  if (stride > 0) index = Math.max(index, 0);
  else index = Math.min(index, size - 1);
  while (stride > 0 ? index < stop && index < size : index > stop && index >= 0) {
    taken.push(index);
    index += stride;
  }
  return taken;
}

test('slices take the elements that walking finds', () => {
  const bound = fc.integer({ min: -9, max: 9 });
  const step = fc.integer({ min: -4, max: 4 }).filter((stride) => stride !== 0);
  fc.assert(
    fc.property(fc.nat(6), bound, bound, step, (size, begin, end, stride) => {
      const spec = { begin: [begin], end: [end], strides: [stride], length: 1 };
      const masks = {
        beginMask: 0,
        endMask: 0,
        ellipsisMask: 0,
        newAxisMask: 0,
        shrinkAxisMask: 0,
        offset: false,
      };
      const [sliced] = resolveStridedSlice([size], spec, masks).dims;
      assert(sliced !== undefined);
      const taken = Array.from({ length: sliced.count }, (_, i) => sliced.start + i * stride);
      assert.deepEqual(taken, walk(size, begin, end, stride));
    }),
  );
});

test('windows cover the padded input, no more than needed', () => {
  const small = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(fc.nat(40), small, small, small, (size, window, stride, dilation) => {
      const extent = (window - 1) * dilation + 1;
      const valid = windowSpan({ size, window, stride, dilation }, Padding.VALID);
      let positions = 0;
      while (positions * stride + extent <= size) positions++;
      assert.deepEqual(valid, { output: positions, before: 0, after: 0 });
      const same = windowSpan({ size, window, stride, dilation }, Padding.SAME);
      assert.equal(same.output, Math.ceil(size / stride));
      assert(same.after - same.before === 0 || same.after - same.before === 1);
      if (same.before + same.after > 0) {
        const padded = size + same.before + same.after;
        assert.equal((same.output - 1) * stride + extent, padded);
      }
    }),
  );
});

test('broadcasting is commutative, and a shape broadcasts to itself', () => {
  const shape = fc.array(fc.constantFrom(-1, 1, 3), { maxLength: 4 });
  fc.assert(
    fc.property(shape, shape, (a, b) => {
      assert.deepEqual(broadcastShapes(a, b), broadcastShapes(b, a));
      assert.deepEqual(broadcastShapes(a, a), a);
      assert.deepEqual(broadcastShapes(a, []), a);
    }),
  );
});
