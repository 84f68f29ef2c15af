import { type ArithmeticTable, type KernelDeclaration, onFloat32 } from './kernel.js';

const SEQUENCE = {
  input: 'in',
  output: 'out',
  batch: 'u32',
  time: 'u32',
  batch_step: 'u32',
  time_step: 'u32',
  features: 'u32',
  units: 'u32',
  activation: 'u32',
} as const;

/** src/recurrent.c */
export const RECURRENT_KERNELS = {
  rnn_f32: { ...SEQUENCE, weights: 'in', recurrent: 'in', bias: 'in', state: 'inout' },
  lstm_f32: {
    ...SEQUENCE,
    input_weights: 'in',
    input_recurrent: 'in',
    input_peephole: 'in',
    input_bias: 'in',
    input_norm: 'in',
    cell_weights: 'in',
    cell_recurrent: 'in',
    cell_bias: 'in',
    cell_norm: 'in',
    forget_weights: 'in',
    forget_recurrent: 'in',
    forget_peephole: 'in',
    forget_bias: 'in',
    forget_norm: 'in',
    output_weights: 'in',
    output_recurrent: 'in',
    output_peephole: 'in',
    output_bias: 'in',
    output_norm: 'in',
    projection: 'in',
    projection_bias: 'in',
    hidden: 'inout',
    cell: 'inout',
    gates: 'out',
    sums: 'temp',
    sums_bytes: 'u32',
    cells: 'u32',
    input_row: 'u32',
    recurrent_row: 'u32',
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

export const RECURRENT_ARITHMETIC: ArithmeticTable<typeof RECURRENT_KERNELS> = {
  rnn_f32: onFloat32(
    ({ batch, time, features, units }) => batch * time * units * (features + units),
  ),
  lstm_f32: onFloat32((args) => {
    const gates = args.input_weights === null ? 3 : 4;
    const inputs = args.features + (args.diagonal ? 1 : args.units);
    const projected = args.projection === null ? 0 : args.units;
    return args.batch * args.time * args.cells * (gates * inputs + projected);
  }),
  svdf_f32: onFloat32(
    ({ batch, features, units, rank, memory }) => batch * units * rank * (features + memory),
  ),
};
