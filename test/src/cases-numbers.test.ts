/** The reference's scalar functions, which everything else is measured with. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bfloat16ToNumber,
  erfc,
  float16ToNumber,
  numberToBfloat16,
  numberToFloat16,
  roundHalfEven,
} from '../../converter/dist/reference/numbers.js';

describe('numbers of the reference', () => {
  it('float16: every bit pattern comes back from its value', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = float16ToNumber(bits);
      if (Number.isNaN(value)) assert.ok(Number.isNaN(float16ToNumber(numberToFloat16(value))));
      else assert.equal(numberToFloat16(value), bits);
    }
  });

  it('float16: halves round to even, and too large numbers to infinity', () => {
    assert.equal(numberToFloat16(2049), numberToFloat16(2048));
    assert.equal(numberToFloat16(2051), numberToFloat16(2052));
    assert.equal(numberToFloat16(2 ** -25), 0);
    assert.equal(numberToFloat16(3 * 2 ** -25), 2);
    assert.equal(numberToFloat16(65519), 0x7bff);
    assert.equal(numberToFloat16(65520), 0x7c00);
    assert.equal(numberToFloat16(-Infinity), 0xfc00);
  });

  it('bfloat16: every bit pattern comes back from its value', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = bfloat16ToNumber(bits);
      if (!Number.isNaN(value)) assert.equal(numberToBfloat16(value), bits);
    }
    assert.equal(numberToBfloat16(Number.NaN), 0x7fc0);
  });

  it('rounds halves to even', () => {
    const halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, 1e15 + 0.5];
    assert.deepEqual(halves.map(roundHalfEven).map(Math.abs), [2, 2, 0, 0, 2, 2, 2, 1e15]);
  });

  it('erfc agrees with tabulated values', () => {
    // Values of the C library's erfc.
    const table: readonly (readonly [number, number])[] = [
      [0, 1],
      [0.1, 0.8875370839817152],
      [0.5, 0.4795001221869535],
      [1, 0.15729920705028513],
      [1.9, 0.0072095707647425325],
      [2, 0.004677734981047265],
      [3, 2.2090496998585438e-5],
      [5, 1.5374597944280351e-12],
      [10, 2.088487583762545e-45],
      [-1, 1.842700792949715],
      [Infinity, 0],
    ];
    for (const [x, expected] of table) {
      assert.ok(Math.abs(erfc(x) - expected) <= 1e-13 * expected, `erfc(${x}) is ${erfc(x)}`);
    }
  });
});
