import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeStrings, encodeStrings, Padding, windowSpan } from '@linnet/schema';
import { resolveStridedSlice } from '@linnet/schema/ops/strided-slice';

test('strings survive encoding, and damaged buffers are refused', () => {
  const strings = ['', 'a', 'größer', ''].map((text) => new TextEncoder().encode(text));
  const buffer = encodeStrings(strings);
  assert.deepEqual(decodeStrings(buffer), strings);
  assert.deepEqual(decodeStrings(encodeStrings([])), []);
  assert.deepEqual(decodeStrings(new Uint8Array()), []);
  for (let length = 1; length < buffer.length; length++) {
    assert.throws(() => decodeStrings(buffer.subarray(0, length)), { code: 'INVALID_MODEL' });
  }
});

/** Expected values from TensorFlow's GetWindowedOutputSizeVerbose. */
test('windows', () => {
  const span = (size: number, window: number, stride: number, dilation: number, padding: Padding) =>
    Object.values(windowSpan({ size, window, stride, dilation }, padding));
  assert.deepEqual(span(224, 3, 2, 1, Padding.SAME), [112, 0, 1]);
  assert.deepEqual(span(7, 3, 2, 1, Padding.SAME), [4, 1, 1]);
  assert.deepEqual(span(7, 3, 2, 1, Padding.VALID), [3, 0, 0]);
  assert.deepEqual(span(7, 3, 1, 2, Padding.SAME), [7, 2, 2]);
  assert.deepEqual(span(7, 3, 1, 2, Padding.VALID), [3, 0, 0]);
  assert.deepEqual(span(4, 1, 3, 1, Padding.SAME), [2, 0, 0]);
  assert.deepEqual(span(2, 5, 1, 1, Padding.VALID), [0, 0, 0]);
  assert.deepEqual(span(-1, 3, 2, 1, Padding.SAME), [-1, 0, 0]);
  assert.throws(() => span(7, 3, 0, 1, Padding.SAME), { code: 'INVALID_MODEL' });
});

const NO_MASKS = {
  beginMask: 0,
  endMask: 0,
  ellipsisMask: 0,
  newAxisMask: 0,
  shrinkAxisMask: 0,
  offset: false,
};

/** A slice as NumPy writes it, and the shape that NumPy gives. */
const SLICES = [
  { text: '[1:3, ::2]', begin: [1, 0], end: [3, 0], strides: [1, 2], endMask: 2, shape: [2, 3, 4] },
  {
    text: '[::-1]',
    begin: [0],
    end: [0],
    strides: [-1],
    beginMask: 1,
    endMask: 1,
    shape: [7, 5, 4],
  },
  { text: '[-2:]', begin: [-2], end: [0], strides: [1], endMask: 1, shape: [2, 5, 4] },
  { text: '[5:2:-2]', begin: [5], end: [2], strides: [-2], shape: [2, 5, 4] },
  {
    text: '[..., 1]',
    begin: [0, 1],
    end: [0, 2],
    strides: [1, 1],
    ellipsisMask: 1,
    shrinkAxisMask: 2,
    shape: [7, 5],
  },
  {
    text: '[None, 3]',
    begin: [0, 3],
    end: [0, 4],
    strides: [1, 1],
    newAxisMask: 1,
    shrinkAxisMask: 2,
    shape: [1, 5, 4],
  },
  {
    text: '[2, ..., None]',
    begin: [2, 0, 0],
    end: [3, 0, 0],
    strides: [1, 1, 1],
    ellipsisMask: 2,
    newAxisMask: 4,
    shrinkAxisMask: 1,
    shape: [5, 4, 1],
  },
  { text: '[9:20]', begin: [9], end: [20], strides: [1], shape: [0, 5, 4] },
  { text: '[-1]', begin: [-1], end: [0], strides: [1], shrinkAxisMask: 1, shape: [5, 4] },
];

for (const { text, begin, end, strides, shape, ...masks } of SLICES) {
  test(`slice ${text}`, () => {
    const spec = { begin, end, strides, length: begin.length };
    assert.deepEqual(resolveStridedSlice([7, 5, 4], spec, { ...NO_MASKS, ...masks }).shape, shape);
  });
}

test('a slice names the elements it takes', () => {
  const spec = { begin: [5], end: [2], strides: [-2], length: 1 };
  assert.deepEqual(resolveStridedSlice([7], spec, NO_MASKS).dims, [
    { start: 5, stride: -2, count: 2 },
  ]);
  assert.throws(
    () =>
      resolveStridedSlice(
        [7],
        { begin: [7], end: [8], strides: [1], length: 1 },
        {
          ...NO_MASKS,
          shrinkAxisMask: 1,
        },
      ),
    { code: 'INVALID_MODEL' },
  );
});
