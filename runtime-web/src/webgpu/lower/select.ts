/** Elementwise choices. */
import type { DType, OpName, TensorType } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import type { AnySite } from '../../lower/operands.js';
import { sameElements, sameShape } from '../../plan/types.js';
import type { Lowering } from '../lowering.js';
import { elementwise } from './elementwise.js';

const CHOSEN: readonly DType[] = ['float32', 'int32', 'int16', 'int8', 'uint8', 'bool', 'float16'];

function typesOf(site: AnySite): readonly TensorType[] {
  return [...site.inputs, ...site.outputs].flatMap((operand) => operand?.type ?? []);
}

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

export const SELECT_LOWERINGS = {
  SELECT: choice<'SELECT'>(false),
  SELECT_V2: choice<'SELECT_V2'>(true),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
