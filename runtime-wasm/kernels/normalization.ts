import type { KernelDeclaration } from './kernel.js';

const ROWS = { x: 'in', y: 'out', rows: 'u32', depth: 'u32' } as const;
const QUANTIZED_SOFTMAX = {
  ...ROWS,
  table: 'in',
  scale: 'f32',
  zero: 'i32',
  low: 'i32',
  high: 'i32',
} as const;

/** src/normalization.c */
export const NORMALIZATION_KERNELS = {
  softmax_f32: { ...ROWS, beta: 'f32' },
  softmax_qi8: QUANTIZED_SOFTMAX,
  softmax_qu8: QUANTIZED_SOFTMAX,
  softmax_qi16: {
    ...ROWS,
    exponentials: 'in',
    reciprocals: 'in',
    multiplier: 'i32',
    shift: 'i32',
  },
  log_softmax_f32: ROWS,
  layer_normalize_f32: { ...ROWS, gamma: 'in', beta: 'in', epsilon: 'f32' },
  l2_normalize_f32: ROWS,
  local_response_normalize_f32: {
    ...ROWS,
    radius: 'u32',
    bias: 'f32',
    alpha: 'f32',
    beta: 'f32',
  },
} as const satisfies Record<string, KernelDeclaration>;
