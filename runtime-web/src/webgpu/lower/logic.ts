/** Comparisons and logic: elementwise functions across dtypes. */
import type { DType, OpName, TensorType } from '@linnet/schema';
import { inputOf } from '../../lower/operands.js';
import { perTensor } from '../../lower/quantization.js';
import { sameElements } from '../../plan/types.js';
import type { Lowering } from '../lowering.js';
import { elementwise } from './elementwise.js';

/** Whether a tensor's values are what is stored. */
function isPlain({ dtype, quantization, shape }: TensorType, dtypes: readonly DType[]): boolean {
  return quantization === undefined && dtypes.includes(dtype) && !shape.includes(0);
}

/** A condition on two numbers, integers of one quantization, or two booleans as 0 and 1. */
function condition<N extends OpName>(expression: string, dtypes: readonly DType[]): Lowering<N> {
  return elementwise(`select(vec4<i32>(0), vec4<i32>(1), ${expression})`, (site) => {
    const [a, b] = [inputOf(site, 0).type, inputOf(site, site.inputs.length - 1).type];
    if (!sameElements(a, b)) return false;
    return isPlain(a, dtypes) || (perTensor(a) !== null && !a.shape.includes(0));
  });
}

const NUMBERS: readonly DType[] = ['float32', 'int32'];
export const LOGIC_LOWERINGS = {
  EQUAL: condition<'EQUAL'>('a == b', [...NUMBERS, 'bool']),
  NOT_EQUAL: condition<'NOT_EQUAL'>('!(a == b)', [...NUMBERS, 'bool']),
  LESS: condition<'LESS'>('a < b', NUMBERS),
  LESS_EQUAL: condition<'LESS_EQUAL'>('a <= b', NUMBERS),
  GREATER: condition<'GREATER'>('a > b', NUMBERS),
  GREATER_EQUAL: condition<'GREATER_EQUAL'>('a >= b', NUMBERS),
  LOGICAL_AND: condition<'LOGICAL_AND'>('(a & b) != vec4<i32>(0)', ['bool']),
  LOGICAL_OR: condition<'LOGICAL_OR'>('(a | b) != vec4<i32>(0)', ['bool']),
  LOGICAL_NOT: condition<'LOGICAL_NOT'>('a == vec4<i32>(0)', ['bool']),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
