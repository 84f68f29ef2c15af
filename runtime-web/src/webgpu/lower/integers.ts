/** All that only shaders of models with integers among their tensors take. */
import { tableOf } from '../../lower/functions.js';
import { byteSums } from './depthwise-q8.js';
import { byteOperands, byteProduct } from './product-q8.js';
import { emitByteTiles } from './tiles-q8.js';

export const INTEGER_SHADERS = {
  operands: byteOperands,
  product: byteProduct,
  emitTiles: emitByteTiles,
  depthwiseSums: byteSums,
  tableOf,
} as const;

/** What lowerings of models with integers are given. */
export type IntegerShaders = typeof INTEGER_SHADERS;
