import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  arrayType,
  completeOptions,
  type DType,
  formatType,
  inferTypes,
  LinnetError,
  lowestVersion,
  minRuntimeVersion,
  OP_NAMES,
  type OpSite,
  type Quantization,
  type TensorType,
} from '@linnet/schema';
import type { InferCase, TypeText } from './infer-cases/case.js';
import { INFER_CASES } from './infer-cases/index.js';

function parseType(text: TypeText): TensorType {
  const [, scales, dtype, dims] = /^([qc]?)(\w+)\[(.*)\]$/.exec(text) ?? assert.fail(text);
  const shape = dims ? dims.split(',').map((dim) => (dim === '?' ? -1 : Number(dim))) : [];
  const type = { dtype: dtype as DType, shape };
  if (!scales) return type;
  const count = scales === 'c' ? (shape[0] as number) : 1;
  const quantization: Quantization = {
    kind: 'affine',
    scale: new Float32Array(count).fill(0.5),
    zeroPoint: new Int32Array(count),
    axis: 0,
  };
  return { ...type, quantization };
}

function siteOf({ op, options, inputs, values, declared, expect }: InferCase): OpSite<object> {
  const types = inputs.map((text) => (text === null ? null : parseType(text)));
  const outputs = declared ?? (expect instanceof RegExp ? assert.fail(op) : expect);
  return {
    options: completeOptions(op, options ?? {}),
    inputs: types,
    outputs: outputs.map(parseType),
    value(index) {
      const numbers = values?.[index];
      const type = types[index];
      if (numbers === undefined || !type) return undefined;
      const TypedArray = arrayType(type.dtype) ?? assert.fail(op);
      return type.dtype === 'int64'
        ? BigInt64Array.from(numbers, BigInt)
        : (TypedArray as Float32ArrayConstructor).from(numbers);
    },
  };
}

test('every op has a case', () => {
  const covered = new Set(INFER_CASES.map(({ op }) => op));
  assert.deepEqual(
    OP_NAMES.filter((op) => !covered.has(op)),
    [],
  );
});

for (const inferCase of INFER_CASES) {
  const { op, inputs, expect, version = 1 } = inferCase;
  const text = inputs.map((input) => input ?? '-').join(' ');
  const site = siteOf(inferCase);
  if (expect instanceof RegExp) {
    test(`${op}(${text}) is refused`, () => {
      assert.throws(
        () => inferTypes(op, site as never),
        (error) =>
          error instanceof LinnetError &&
          error.code === 'INVALID_MODEL' &&
          error.where.op === op &&
          expect.test(error.message),
      );
    });
    continue;
  }
  test(`${op}(${text})`, () => {
    const types = inferTypes(op, site as never);
    const expected = expect.map(parseType);
    assert.deepEqual(types.map(formatType), expected.map(formatType));
    assert.deepEqual(types, expected);
    const lowest = Math.max(version, op === 'BROADCAST_TO' ? 2 : 1);
    assert.equal(lowestVersion(op, site as never), lowest);
    assert.match(minRuntimeVersion(op, lowest) ?? '', /^\d+\.\d+\.\d+$/);
  });
}
