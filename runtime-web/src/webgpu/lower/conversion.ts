/** Conversions between element types, and to and from quantized integers. */
import type { DType, OpName, TensorType } from '@linnet/schema';
import type { ByteTable } from '../../lower/byte-table.js';
import type { FunctionOp } from '../../lower/functions.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { roundFunction } from '../wgsl/bytes.js';
import { f32, i32, reads } from '../wgsl/kernel.js';
import { elementOf, type StoredDType } from '../wgsl/storage.js';
import { emitElementwise } from './elementwise.js';
import type { IntegerShaders } from './integers.js';

/** Emits what a site's op makes of each byte, by its table of all that there are. */
export function emitLookup(emit: Emitter, site: LowerSite<FunctionOp>, table: ByteTable): void {
  const entries = emit.constant(table.key, () => Int32Array.from(table.make()));
  emitElementwise(emit, {
    label: site.op,
    operands: [inputOf(site, 0)],
    output: outputOf(site),
    bindings: { table: reads({ ref: entries, type: { dtype: 'int32' } }, 1) },
    declarations: `fn entry(byte: i32) -> i32 { return table_load(u32(byte) & 255u); }`,
    expression: 'vec4(entry(a.x), entry(a.y), entry(a.z), entry(a.w))',
  });
}

/** Float32 to integers: times the scale's reciprocal, half to even. Source: XNNPACK's f32-qs8-vcvt. */
const quantize = (integers: IntegerShaders | null): Lowering<'QUANTIZE'> => ({
  supports(site) {
    const [input, output] = [inputOf(site, 0), outputOf(site)];
    if (integers?.tableOf(site)) return true;
    return input.type.dtype === 'float32' && perTensor(output.type) !== null;
  },
  lower(site, emit) {
    const output = outputOf(site);
    const table = integers?.tableOf(site);
    if (table) return emitLookup(emit, site, table);
    const { scale, zero, low, high } = perTensor(output.type) as PerTensor;
    emitElementwise(emit, {
      label: 'QUANTIZE',
      operands: [inputOf(site, 0)],
      output,
      params: {
        reciprocal: f32(1 / scale),
        zero: i32(zero),
        low: f32(low - zero),
        high: f32(high - zero),
      },
      declarations: roundFunction(emit.traits),
      expression:
        'nearest(clamp(a * params.reciprocal, vec4(params.low), vec4(params.high))) + params.zero',
    });
  },
});

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

export const conversionLowerings = (integers: IntegerShaders | null) =>
  ({
    QUANTIZE: quantize(integers),
    DEQUANTIZE: dequantize,
    CAST: cast,
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
