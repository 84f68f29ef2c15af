import type { KernelDeclaration } from './kernel.js';

/**
 * Steps of a sequence whose products with the input's weights are made already, in `sums`. Batch
 * element b of step t is row b * batch_step + t * time_step of the output.
 */
const SEQUENCE = {
  sums: 'inout',
  recurrent: 'in',
  output: 'out',
  batch: 'u32',
  time: 'u32',
  batch_step: 'u32',
  time_step: 'u32',
  units: 'u32',
  activation: 'u32',
} as const;

/** src/recurrent.c */
export const RECURRENT_KERNELS = {
  /** `sums` is [time, batch, units padded to 8], `recurrent` [units, units] in conv_f32's layout. */
  rnn_f32: { ...SEQUENCE, state: 'inout' },
  lstm_f32: {
    ...SEQUENCE,
    input_peephole: 'in',
    forget_peephole: 'in',
    output_peephole: 'in',
    input_norm: 'in',
    cell_norm: 'in',
    forget_norm: 'in',
    output_norm: 'in',
    input_bias: 'in',
    cell_bias: 'in',
    forget_bias: 'in',
    output_bias: 'in',
    projection: 'in',
    shown: 'temp',
    projected: 'temp',
    hidden: 'inout',
    cell: 'inout',
    gates: 'u32',
    cells: 'u32',
    diagonal: 'u32',
    cell_clip: 'f32',
    projection_clip: 'f32',
  },
  svdf_f32: {
    input: 'in',
    weights: 'in',
    time_weights: 'in',
    bias: 'in',
    state: 'inout',
    output: 'out',
    batch: 'u32',
    features: 'u32',
    units: 'u32',
    rank: 'u32',
    memory: 'u32',
    activation: 'u32',
  },
} as const satisfies Record<string, KernelDeclaration>;
