/** Elementwise ops of two tensors or more that few models have. */
import type { OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { outputOf } from '../../lower/operands.js';
import type { Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { arithmetic } from './binary.js';
import { emitElementwise } from './elementwise.js';

/** Devices may ignore the sign of a zero, which decides between half a turn to the left and to the right. */
const ANGLE = `
fn angle(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let sign = bitcast<vec4<u32>>(a) & vec4(0x80000000u);
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(atan2(abs(a), b)) | sign);
}`;

/** As many terms at a time as a shader adds, from the first on. */
const addN: Lowering<'ADD_N'> = {
  supports: (site) =>
    [...site.inputs, ...site.outputs].every(
      (operand) => operand?.type.dtype === 'float32' || operand?.type.dtype === 'int32',
    ),
  lower(site, emit) {
    const output = outputOf(site);
    const terms = site.inputs as readonly Operand[];
    let sum = terms[0] as Operand;
    for (let next = 1; next < terms.length; next += 2) {
      const operands = [sum, ...terms.slice(next, next + 2)];
      const isLast = next + 2 >= terms.length;
      sum = isLast ? output : { ...output, ref: emit.scratch(4 * count(output.type.shape)) };
      const expression = ['a', 'b', 'c'].slice(0, operands.length).join(' + ');
      emitElementwise(emit, { label: 'ADD_N', operands, output: sum, expression });
    }
  },
};

export const RARE_BINARY_LOWERINGS = {
  ATAN2: arithmetic<'ATAN2'>({ real: 'angle(a, b)', declarations: ANGLE }),
  BITWISE_XOR: arithmetic<'BITWISE_XOR'>({ integer: 'a ^ b', narrow: true }),
  RIGHT_SHIFT: arithmetic<'RIGHT_SHIFT'>({
    integer: 'a >> vec4<u32>(clamp(b, vec4(0), vec4(31)))',
    narrow: true,
  }),
  ADD_N: addN,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
