/** Comparisons, logic and choices: elementwise functions across dtypes. */
import type { DType, OpName, TensorType } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { type AnySite, inputOf, outputOf } from '../../lower/operands.js';
import { perTensor } from '../../lower/quantization.js';
import { sameElements, sameShape } from '../../plan/types.js';
import type { Lowering } from '../lowering.js';
import { emitElementwise } from './elementwise.js';

/** Whether a tensor's values are what is stored. */
function isPlain({ dtype, quantization, shape }: TensorType, dtypes: readonly DType[]): boolean {
  return quantization === undefined && dtypes.includes(dtype) && !shape.includes(0);
}

function typesOf(site: AnySite): readonly TensorType[] {
  return [...site.inputs, ...site.outputs].flatMap((operand) => operand?.type ?? []);
}

/** An op whose `supports` knows all inputs to be alike; `expression` has them as a, b and c. */
function elementwise<N extends OpName>(
  expression: string,
  supports: (site: AnySite) => boolean,
): Lowering<N> {
  return {
    supports,
    lower: (site, emit) =>
      emitElementwise(emit, {
        label: site.op,
        operands: site.inputs.map((_, index) => inputOf(site, index)),
        output: outputOf(site),
        expression,
      }),
  };
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
const CHOSEN: readonly DType[] = ['float32', 'int32', 'int16', 'int8', 'uint8', 'bool', 'float16'];

/** b where a, else c. `broadcasts` tells the op in which a vector of conditions is not one of rows. */
function choice<N extends 'SELECT' | 'SELECT_V2'>(broadcasts: boolean): Lowering<N> {
  return elementwise('select(c, b, a != vec4<i32>(0))', (site) => {
    const [a, b, c, y] = typesOf(site) as [TensorType, TensorType, TensorType, TensorType];
    const fits = broadcasts || sameShape(a.shape, y.shape) || count(a.shape) === 1;
    return (
      fits &&
      CHOSEN.includes(y.dtype) &&
      !y.shape.includes(0) &&
      [b, c].every((type) => sameElements(type, y))
    );
  });
}

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
  SELECT: choice<'SELECT'>(false),
  SELECT_V2: choice<'SELECT_V2'>(true),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
