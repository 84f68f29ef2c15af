/** All that only models with integers among their tensors take. */
import { integerNumerics } from '../../lower/integer-numerics.js';
import type { IntegerNumerics, Product } from '../../lower/numerics.js';
import type { Axis } from '../../lower/window.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { ByteDot } from '../dot.js';
import type { Emitter } from '../lowering.js';
import { binaryOf } from './binary-quantized.js';
import { emitBlocks } from './blocks.js';
import { emitDepthwiseQ8 } from './depthwise-q8.js';
import { emitDepthwiseQ16 } from './depthwise-q16.js';
import type { Problem } from './problem.js';
import { emitProductQ8 } from './product-q8.js';
import { emitProductQ16 } from './product-q16.js';
import { quantize } from './quantize.js';
import { softmaxOf } from './softmax-quantized.js';
import type { SparseKernels } from './sparse-kernels.js';
import { functionOf } from './unary-quantized.js';
import type { windowArguments } from './window.js';

/** What lowerings of models with integers are given. */
export type IntegerKernels = ReturnType<typeof integerKernels>;

/** On machines with a dot product of some kind, for weights with many zeros or few. */
export const integerKernels = (dot: ByteDot, sparse: SparseKernels | null) => ({
  /** Emits all that a problem takes; `key` tells it apart from others with the same constants. */
  emitProduct(
    emit: Emitter,
    product: Product,
    numerics: IntegerNumerics,
    problem: Problem,
    key: string,
  ): void {
    if (numerics.kind === 'words') emitProductQ16(emit, product, numerics, problem, key);
    else if (!sparse?.emitBytes(emit, product, numerics, problem, dot))
      emitProductQ8(emit, product, numerics, problem, key, dot);
  },

  binaryOf,
  emitBlocks,
  numericsOf: integerNumerics,
  quantize,
  softmaxOf,
  functionOf,

  /** Emits one output channel per input channel; false, with nothing emitted, where no kernel is made for it. */
  emitDepthwise(
    emit: Emitter,
    product: Product,
    numerics: IntegerNumerics,
    axes: readonly [rows: Axis, columns: Axis],
    window: ReturnType<typeof windowArguments> & { readonly output: BufferRef },
  ): boolean {
    return numerics.kind === 'words'
      ? emitDepthwiseQ16(emit, product, numerics, axes, window)
      : emitDepthwiseQ8(emit, product, numerics, axes, window, dot);
  },
});
