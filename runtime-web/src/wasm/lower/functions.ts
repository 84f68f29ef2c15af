/** Elementwise functions of one tensor that networks of convolutions seldom have. */
import type { DType, OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import type { FunctionOp } from '../../lower/functions.js';
import type { Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import type { IntegerKernels } from './integers.js';
import { clampTo, type Row, unaryLowering } from './unary.js';
import { narrowed, suffixOf, widened } from './widening.js';

/** The float32 form, and integers by kernels of their own. */
function withIntegers<N extends OpName>(
  name: 'abs' | 'neg' | 'square' | 'sign',
  float: Lowering<N>,
): Lowering<N> {
  const integer = (dtype: DType) => {
    const type = suffixOf(dtype);
    return type === 'i32' || type === 'i64' ? type : null;
  };
  return {
    supports(site) {
      if (float.supports(site)) return true;
      const [x, y] = [site.inputs[0] as Operand, site.outputs[0] as Operand];
      if (x.type.quantization !== undefined || y.type.quantization !== undefined) return false;
      return integer(x.type.dtype) !== null && x.type.dtype === y.type.dtype;
    },
    lower(site, emit) {
      if (float.supports(site)) return float.lower(site, emit);
      const [x, y] = [site.inputs[0] as Operand, site.outputs[0] as Operand];
      const type = integer(x.type.dtype) as 'i32' | 'i64';
      const wide = widened(x, emit);
      narrowed(y, emit, (to) =>
        emit.call(`unary_${name}_${type}`, { x: wide, y: to, count: count(x.type.shape) }),
      );
    },
  };
}

const logicalNot: Lowering<'LOGICAL_NOT'> = {
  supports: (site) => site.inputs[0]?.type.dtype === 'bool',
  lower(site, emit) {
    const [x, y] = [site.inputs[0] as Operand, site.outputs[0] as Operand];
    const make = () => Uint8Array.from({ length: 256 }, (_, byte) => (byte === 0 ? 1 : 0));
    const table = emit.constant('not', make);
    emit.call('lookup_8', { x: x.ref, y: y.ref, count: count(x.type.shape), table });
  },
};

export function functionLowerings(integers: IntegerKernels | null) {
  const unary = <N extends FunctionOp>(row: Row<N>) => unaryLowering<N>(row, integers);
  return {
    ABS: withIntegers('abs', unary<'ABS'>({ kernel: 'abs' })),
    NEG: withIntegers('neg', unary<'NEG'>({ kernel: 'neg' })),
    SQUARE: withIntegers('square', unary<'SQUARE'>({ kernel: 'square' })),
    SIGN: withIntegers('sign', unary<'SIGN'>({ kernel: 'sign' })),
    EXP: unary<'EXP'>({ kernel: 'exp' }),
    LOG: unary<'LOG'>({ kernel: 'log' }),
    SQRT: unary<'SQRT'>({ kernel: 'sqrt' }),
    RSQRT: unary<'RSQRT'>({ kernel: 'rsqrt' }),
    SIN: unary<'SIN'>({ kernel: 'sin' }),
    COS: unary<'COS'>({ kernel: 'cos' }),
    CEIL: unary<'CEIL'>({ kernel: 'ceil' }),
    FLOOR: unary<'FLOOR'>({ kernel: 'floor' }),
    ROUND: unary<'ROUND'>({ kernel: 'round' }),
    RELU_N1_TO_1: unary<'RELU_N1_TO_1'>(clampTo(-1, 1)),
    RELU_0_TO_1: unary<'RELU_0_TO_1'>(clampTo(0, 1)),
    LEAKY_RELU: unary<'LEAKY_RELU'>(({ alpha }) => ({
      kernel: 'leaky_relu',
      parameters: [alpha, 0],
    })),
    ELU: unary<'ELU'>({ kernel: 'elu' }),
    GELU: unary<'GELU'>(({ approximate }) => ({ kernel: approximate ? 'gelu_tanh' : 'gelu' })),
    LOGICAL_NOT: logicalNot,
  } as const satisfies { readonly [N in OpName]?: Lowering<N> };
}
