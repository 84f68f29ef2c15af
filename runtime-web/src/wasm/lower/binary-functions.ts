/** Elementwise ops of two tensors or more that networks of convolutions seldom have. */
import { ActivationFunctionType, type OpName } from '@linnet/schema';
import { rowMajor } from '../../lower/dims.js';
import type { Operand } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Lowering } from '../lowering.js';
import {
  arithmetic,
  binaryBlock,
  binaryKernel,
  binaryOperands,
  emitFloat,
  type IntegerKernel,
} from './binary.js';
import { emitCopy } from './dims.js';
import type { IntegerKernels } from './integers.js';
import { suffixOf, widened } from './widening.js';

/** Comparisons: the result is bool. */
function comparison<N extends OpName>(): Lowering<N> {
  return {
    supports(site) {
      const [a, b] = binaryOperands(site);
      const { dtype } = a.type;
      if (suffixOf(dtype) === undefined) return false;
      const quantized = a.type.quantization !== undefined || b.type.quantization !== undefined;
      return quantized && dtype !== 'float32'
        ? sameElements(a.type, b.type)
        : b.type.dtype === dtype;
    },
    lower(site, emit) {
      const [a, b, y] = binaryOperands(site);
      const kernel = binaryKernel<IntegerKernel>(site.op, suffixOf(a.type.dtype) as string);
      const wide = { a: widened(a, emit), b: widened(b, emit) };
      emit.call(kernel, { ...binaryBlock(a, b, y), ...wide });
    },
  };
}

/** Functions of two bools. */
function logical<N extends OpName>(): Lowering<N> {
  return {
    supports: (site) => binaryOperands(site).every(({ type }) => type.dtype === 'bool'),
    lower(site, emit) {
      const kernel = binaryKernel<'binary_logical_and_u8'>(site.op, 'u8');
      emit.call(kernel, binaryBlock(...binaryOperands(site)));
    },
  };
}

/** The sum of any number of tensors of one shape, one after the other. */
const addN: Lowering<'ADD_N'> = {
  supports(site) {
    const { dtype, quantization } = (site.outputs[0] as Operand).type;
    const type = suffixOf(dtype);
    return (type === 'f32' || type === 'i32' || type === 'i64') && quantization === undefined;
  },
  lower(site, emit) {
    const y = site.outputs[0] as Operand;
    const [first, ...others] = site.inputs as readonly Operand[];
    const type = suffixOf(y.type.dtype);
    if (others.length === 0) {
      const strides = rowMajor(y.type.shape);
      const size = y.type.dtype === 'int64' ? 8 : 4;
      return emitCopy(
        emit,
        size,
        y.type.shape,
        { ref: (first as Operand).ref, strides },
        { ref: y.ref, strides },
      );
    }
    let sum = first as Operand;
    for (const operand of others) {
      const block = binaryBlock(sum, operand, y);
      if (type === 'f32') emitFloat(emit, 'binary_add_f32', block, y, ActivationFunctionType.NONE);
      else emit.call(type === 'i64' ? 'binary_add_i64' : 'binary_add_i32', block);
      sum = y;
    }
  },
};

/** Given what integers take, for models that have some. */
export const binaryFunctionLowerings = (quantized: IntegerKernels | null) =>
  ({
    FLOOR_DIV: arithmetic<'FLOOR_DIV'>(null),
    FLOOR_MOD: arithmetic<'FLOOR_MOD'>(null),
    POW: arithmetic<'POW'>(null),
    ATAN2: arithmetic<'ATAN2'>(null, { integers: false }),
    SQUARED_DIFFERENCE: arithmetic<'SQUARED_DIFFERENCE'>(quantized),
    PRELU: arithmetic<'PRELU'>(null, { integers: false }),
    BITWISE_XOR: arithmetic<'BITWISE_XOR'>(null, { floats: false }),
    RIGHT_SHIFT: arithmetic<'RIGHT_SHIFT'>(null, { floats: false }),
    MAXIMUM: arithmetic<'MAXIMUM'>(null, { picks: true }),
    MINIMUM: arithmetic<'MINIMUM'>(null, { picks: true }),
    EQUAL: comparison<'EQUAL'>(),
    NOT_EQUAL: comparison<'NOT_EQUAL'>(),
    GREATER: comparison<'GREATER'>(),
    GREATER_EQUAL: comparison<'GREATER_EQUAL'>(),
    LESS: comparison<'LESS'>(),
    LESS_EQUAL: comparison<'LESS_EQUAL'>(),
    LOGICAL_AND: logical<'LOGICAL_AND'>(),
    LOGICAL_OR: logical<'LOGICAL_OR'>(),
    ADD_N: addN,
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
