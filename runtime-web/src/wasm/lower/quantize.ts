/** Conversions to quantized integers. */

import type { AffineQuantization } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { isQuantizedDType, QUANTIZED } from '../../lower/quantization.js';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import {
  affine,
  canDequantize,
  emitCast,
  emitDequantize,
  quantizationBlock,
} from './conversion.js';
import { functionOf } from './unary-quantized.js';

/** Emits the quantization of float32 elements to the type of `to`. */
function emitQuantize(emit: Emitter, from: BufferRef, to: Operand): void {
  if (count(to.type.shape) === 0) return;
  const { kernel, low, high } = QUANTIZED[to.type.dtype as keyof typeof QUANTIZED];
  const block = quantizationBlock(emit, to.type, affine(to.type) as AffineQuantization);
  emit.call(`quantize_${kernel}`, { x: from, y: to.ref, ...block, low, high });
}

/** Float32 or float16 to quantized integers; quantized integers to others. */
export const quantize: Lowering<'QUANTIZE'> = {
  supports(site) {
    const [input, output] = [inputOf(site, 0), outputOf(site)];
    const { dtype } = input.type;
    const canRead = dtype === 'float32' || dtype === 'float16' || canDequantize(input.type);
    return canRead && affine(output.type) !== null && isQuantizedDType(output.type.dtype);
  },
  lower(site, emit) {
    const [input, output] = [inputOf(site, 0), outputOf(site)];
    const elements = count(input.type.shape);
    if (input.type.dtype === 'float32') return emitQuantize(emit, input.ref, output);
    const emitQuantized = functionOf(site);
    if (emitQuantized) return emitQuantized(emit);
    const float = emit.scratch(4 * elements);
    if (input.type.dtype === 'float16') {
      emitCast(
        emit,
        elements,
        { dtype: 'float16', ref: input.ref },
        { dtype: 'float32', ref: float },
      );
    } else {
      emitDequantize(emit, input, float);
    }
    emitQuantize(emit, float, output);
  },
};
