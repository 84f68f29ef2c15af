import { type DType, LinnetError } from '@linnet/schema';

/** Source: enum DataType of tensorflow/core/framework/types.proto; the names are TensorFlow's. */
const TF_DTYPES = {
  1: { name: 'DT_FLOAT', dtype: 'float32' },
  2: { name: 'DT_DOUBLE', dtype: 'float64' },
  3: { name: 'DT_INT32', dtype: 'int32' },
  4: { name: 'DT_UINT8', dtype: 'uint8' },
  5: { name: 'DT_INT16', dtype: 'int16' },
  6: { name: 'DT_INT8', dtype: 'int8' },
  7: { name: 'DT_STRING', dtype: 'string' },
  8: { name: 'DT_COMPLEX64', dtype: 'complex64' },
  9: { name: 'DT_INT64', dtype: 'int64' },
  10: { name: 'DT_BOOL', dtype: 'bool' },
  14: { name: 'DT_BFLOAT16', dtype: 'bfloat16' },
  17: { name: 'DT_UINT16', dtype: 'uint16' },
  18: { name: 'DT_COMPLEX128', dtype: 'complex128' },
  19: { name: 'DT_HALF', dtype: 'float16' },
  20: { name: 'DT_RESOURCE', dtype: 'resource' },
  21: { name: 'DT_VARIANT', dtype: 'variant' },
  22: { name: 'DT_UINT32', dtype: 'uint32' },
  23: { name: 'DT_UINT64', dtype: 'uint64' },
} as const satisfies Record<number, { name: string; dtype: DType }>;

/** TF1 reference types (`DT_FLOAT_REF`) are the base type's number plus this. */
const REF_OFFSET = 100;

/**
 * The dtype of a number of TensorFlow's enum DataType; reference types count as their base.
 *
 * @throws LinnetError UNSUPPORTED
 */
export function dtypeOf(code: number): DType {
  const base = code > REF_OFFSET ? code - REF_OFFSET : code;
  if (!Object.hasOwn(TF_DTYPES, base)) {
    throw new LinnetError('UNSUPPORTED', `TensorFlow's data type ${code} is not supported`);
  }
  return TF_DTYPES[base as keyof typeof TF_DTYPES].dtype;
}

/**
 * The dtype that a value of `dtype` has inside the graph: half precision is computed in float32,
 * which every runtime has and which is at least as exact.
 */
export function graphDType(dtype: DType): DType {
  return dtype === 'float16' || dtype === 'bfloat16' ? 'float32' : dtype;
}
