/** All that only shaders of models with integers among their tensors take. */
import { byteMatrices, emitByteMatrices } from './batch-matmul-q8.js';
import { binaryBytes } from './binary-bytes.js';
import { lookupOf, quantize } from './bytes.js';
import { byteSums } from './depthwise-q8.js';
import { pooledRange } from './pooling-bytes.js';
import { byteOperands, byteProduct } from './product-q8.js';
import { softmaxOf } from './softmax-bytes.js';
import { emitByteTiles } from './tiles-q8.js';

export const INTEGER_SHADERS = {
  operands: byteOperands,
  product: byteProduct,
  emitTiles: emitByteTiles,
  depthwiseSums: byteSums,
  binaryBytes,
  byteMatrices,
  emitByteMatrices,
  lookupOf,
  pooledRange,
  quantize,
  softmaxOf,
} as const;

/** What lowerings of models with integers are given. */
export type IntegerShaders = typeof INTEGER_SHADERS;
