/** Conversions between element types, and to and from quantized integers. */
import type { DType, TensorType } from '@linnet/schema';
import { inputOf, outputOf } from '../../lower/operands.js';
import { perTensor } from '../../lower/quantization.js';
import type { Lowering, ShaderLowerings } from '../lowering.js';
import { f32, i32 } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { emitElementwise } from './elementwise.js';
import type { IntegerShaders } from './integers.js';

const dequantize: Lowering<'DEQUANTIZE'> = {
  supports(site) {
    const { type } = inputOf(site, 0);
    const canRead = type.dtype === 'float16' || perTensor(type) !== null;
    return canRead && outputOf(site).type.dtype === 'float32';
  },
  lower(site, emit) {
    const input = inputOf(site, 0);
    const ends = { label: 'DEQUANTIZE', operands: [input], output: outputOf(site) };
    const quantization = perTensor(input.type);
    if (quantization === null) return emitElementwise(emit, { ...ends, expression: 'a' });
    const { scale, zero } = quantization;
    emitElementwise(emit, {
      ...ends,
      params: { scale: f32(scale), zero: i32(zero) },
      expression: 'vec4<f32>(a - params.zero) * params.scale',
    });
  },
};

/** What is converted without loss or wraps round, or as all devices round and saturate it. */
const CASTS: { readonly [D in DType]?: readonly DType[] } = {
  float32: ['float32', 'float16', 'int32', 'bool'],
  float16: ['float32', 'float16', 'int32'],
  int32: ['float32', 'int32', 'int16', 'int8', 'uint8', 'bool'],
  int16: ['float32', 'int32', 'int16', 'int8', 'uint8', 'bool'],
  int8: ['float32', 'float16', 'int32', 'int16', 'int8', 'uint8', 'bool'],
  uint8: ['float32', 'float16', 'int32', 'int16', 'int8', 'uint8', 'bool'],
  bool: ['float32', 'float16', 'int32', 'int16', 'int8', 'uint8', 'bool'],
};

const isPlain = ({ quantization, shape }: TensorType) =>
  quantization === undefined && !shape.includes(0);

const cast: Lowering<'CAST'> = {
  supports(site) {
    const [x, y] = [inputOf(site, 0).type, outputOf(site).type];
    return isPlain(x) && isPlain(y) && CASTS[x.dtype]?.includes(y.dtype) === true;
  },
  lower(site, emit) {
    const [x, y] = [inputOf(site, 0), outputOf(site)];
    const [from, to] = [x, y].map(({ type }) => elementOf(type.dtype as StoredDType));
    emitElementwise(emit, {
      label: 'CAST',
      operands: [x],
      output: y,
      expression:
        y.type.dtype === 'bool' && x.type.dtype !== 'bool'
          ? `vec4<i32>(a != vec4<${from}>())`
          : from === 'f32' && to === 'i32'
            ? // The language saturates at the largest integer that float32 has.
              'select(vec4<i32>(a), vec4(0x7fffffff), a >= vec4(0x1p31f))'
            : `vec4<${to}>(a)`,
    });
  },
};

/** What becomes bytes is for models with integers. */
export const conversionLowerings = (integers: IntegerShaders | null): ShaderLowerings => ({
  ...(integers && { QUANTIZE: integers.quantize }),
  DEQUANTIZE: dequantize,
  CAST: cast,
});
