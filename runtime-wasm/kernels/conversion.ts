import type { KernelDeclaration } from './kernel.js';

const CONVERSION = { x: 'in', y: 'out', count: 'u32' } as const;
const DEQUANTIZE = {
  ...CONVERSION,
  scale: 'in',
  zero: 'in',
  channels: 'u32',
  inner: 'u32',
} as const;
const QUANTIZE = { ...DEQUANTIZE, low: 'i32', high: 'i32' } as const;

/** src/conversion.c */
export const CONVERSION_KERNELS = {
  cast: { ...CONVERSION, from: 'u32', to: 'u32' },
  cast_f16_f32: CONVERSION,
  cast_i32_f32: CONVERSION,
  cast_f32_i32: CONVERSION,
  cast_i32_i64: CONVERSION,
  cast_i64_i32: CONVERSION,
  dequantize_i8: DEQUANTIZE,
  dequantize_u8: DEQUANTIZE,
  dequantize_i16: DEQUANTIZE,
  dequantize_i32: DEQUANTIZE,
  dequantize_i64: DEQUANTIZE,
  quantize_i8: QUANTIZE,
  quantize_u8: QUANTIZE,
  quantize_i16: QUANTIZE,
} as const satisfies Record<string, KernelDeclaration>;
