import { ActivationFunctionType as Activation, LSTMKernelType } from '@linnet/schema';
import { f32, i8, i16, i32, type Operand } from './operand.js';
import { type CaseFamily, type CaseSpec, TOO_LARGE } from './spec.js';

const state = (...shape: number[]) => f32(...shape).variable();
const weights = (...shape: number[]) =>
  f32(...shape)
    .between(-1, 1)
    .constant();

interface LstmShape {
  readonly batch: number;
  readonly depth: number;
  readonly cells: number;
  /** Size of the output where a projection follows. */
  readonly projected?: number;
  readonly coupled?: boolean;
  readonly peephole?: boolean;
  readonly norm?: boolean;
  readonly projectionBias?: boolean;
  /** Makes the weights; float32 by default. */
  readonly make?: (...shape: number[]) => Operand;
}

/** The 24 inputs of the full LSTM, in TFLite's order; the last four only with layer norm. */
function lstmInputs(x: Operand, shape: LstmShape): (Operand | null)[] {
  const { batch, depth, cells, projected, coupled, peephole, norm, projectionBias } = shape;
  const make = shape.make ?? weights;
  const out = projected ?? cells;
  const gates = <T>(of: () => T): (T | null)[] => [coupled ? null : of(), of(), of(), of()];
  const peepholes = peephole
    ? [coupled ? null : make(cells), make(cells), make(cells)]
    : [null, null, null];
  return [
    x,
    ...gates(() => make(cells, depth)),
    ...gates(() => make(cells, out)),
    ...peepholes,
    ...gates(() => weights(cells)),
    projected === undefined ? null : make(projected, cells),
    projectionBias ? weights(projected!) : null,
    state(batch, out),
    state(batch, cells),
    ...(norm ? gates(() => weights(cells)) : []),
  ];
}

const FORMS: readonly (readonly [string, Partial<LstmShape>])[] = [
  ['plain', {}],
  ['coupled gates', { coupled: true }],
  ['peephole', { peephole: true }],
  ['coupled gates and peephole', { coupled: true, peephole: true }],
  ['projection', { projected: 3 }],
  ['projection with bias and peephole', { projected: 3, projectionBias: true, peephole: true }],
  ['layer norm', { norm: true }],
  ['layer norm, coupled gates, projection', { norm: true, coupled: true, projected: 3 }],
];

/** More cells than one thread takes, and not whole vectors of them. */
const LARGE_FORMS: readonly (readonly [string, Partial<LstmShape>])[] = [
  ['plain', {}],
  ['coupled gates and peephole', { coupled: true, peephole: true }],
  ['layer norm, peephole, projection', { norm: true, peephole: true, projected: 67 }],
];

/** Weights of many products, whose sums are to stay within the range where gates are not saturated. */
const small = (...shape: number[]) =>
  f32(...shape)
    .between(-0.1, 0.1)
    .constant();

const hybrid = (...shape: number[]) =>
  i8(...shape)
    .between(-127, 127)
    .scaled(1 / 127)
    .constant();
const tanh = { fusedActivationFunction: Activation.TANH } as const;

/** The LSTM in integers: int8 activations and weights, int16 cell state of a power-of-two scale. */
function integerLstm(timeMajor: boolean): CaseSpec<'UNIDIRECTIONAL_SEQUENCE_LSTM'> {
  const bias = () =>
    i32(4)
      .between(-800, 800)
      .scaled(1 / 64 / 127)
      .constant();
  const gates = (depth: number) => Array.from({ length: 4 }, () => hybrid(4, depth));
  const hidden = i8().scaled(1 / 128);
  return {
    name: `int8${timeMajor ? ', time first' : ''}`,
    inputs: [
      i8(...(timeMajor ? [3, 2, 5] : [2, 3, 5])).scaled(1 / 64, 3),
      ...gates(5),
      ...gates(4),
      ...[null, null, null],
      ...Array.from({ length: 4 }, bias),
      ...[null, null],
      i8(2, 4)
        .scaled(1 / 128)
        .variable(),
      i16(2, 4)
        .scaled(2 ** -11)
        .variable(),
    ],
    outputs: [hidden],
    intermediates: [...Array.from({ length: 4 }, () => i16().scaled(2 ** -12)), hidden],
    options: { ...tanh, timeMajor },
    // Stock TFLite rounds every gate to int16, Linnet only the states.
    tolerance: { steps: 2 },
  };
}

const SEQUENCE_LSTMS: CaseSpec<'UNIDIRECTIONAL_SEQUENCE_LSTM'>[] = [
  integerLstm(false),
  integerLstm(true),
  ...FORMS.map(([name, form]) => ({
    name,
    inputs: lstmInputs(f32(2, 3, 5), { batch: 2, depth: 5, cells: 4, ...form }),
    outputs: [f32()],
    options: tanh,
  })),
  {
    name: 'time first',
    inputs: lstmInputs(f32(3, 2, 5), { batch: 2, depth: 5, cells: 4 }),
    outputs: [f32()],
    options: { ...tanh, timeMajor: true },
  },
  {
    name: 'aligned',
    inputs: lstmInputs(f32(1, 4, 16), { batch: 1, depth: 16, cells: 16 }),
    outputs: [f32()],
    options: tanh,
  },
  {
    name: 'diagonal',
    inputs: lstmInputs(f32(2, 3, 5), { batch: 2, depth: 5, cells: 13 }).map((input, index) =>
      index >= 5 && index <= 8 ? weights(13) : input,
    ),
    outputs: [f32()],
    options: { ...tanh, diagonalRecurrentTensors: true },
    notStock: 'stock TFLite knows diagonal tensors only in builds of its own',
  },
  {
    name: 'clipped',
    inputs: lstmInputs(f32(2, 3, 5), { batch: 2, depth: 5, cells: 4, projected: 3 }),
    outputs: [f32()],
    options: { ...tanh, cellClip: 0.4, projClip: 0.2 },
  },
  {
    name: 'state kept between runs',
    inputs: lstmInputs(f32(2, 3, 5), { batch: 2, depth: 5, cells: 4 }),
    outputs: [f32()],
    options: tanh,
    runs: 3,
  },
  ...LARGE_FORMS.map(([name, form]) => ({
    name: `large, ${name}`,
    inputs: lstmInputs(f32(2, 3, 19), { batch: 2, depth: 19, cells: 101, make: small, ...form }),
    outputs: [f32()],
    options: tanh,
    notStock: TOO_LARGE,
  })),
  ...[true, false].map((timeMajor) => ({
    name: timeMajor ? 'long, time first' : 'long',
    inputs: lstmInputs(f32(...(timeMajor ? [37, 16, 3] : [16, 37, 3])), {
      batch: 16,
      depth: 3,
      cells: 64,
      make: small,
    }),
    outputs: [f32()],
    options: { ...tanh, timeMajor },
    notStock: TOO_LARGE,
  })),
  {
    name: 'hybrid',
    inputs: lstmInputs(f32(2, 3, 8), { batch: 2, depth: 8, cells: 8, make: hybrid }),
    outputs: [f32()],
    options: { ...tanh, asymmetricQuantizeInputs: true },
    // Stock TFLite quantizes activations at each step, Linnet computes on reals.
    tolerance: { absolute: 0.05 },
  },
];

const basic = (batch: number, depth: number, units: number): CaseSpec<'LSTM'> => ({
  name: `basic ${batch}x${depth}x${units}`,
  inputs: [
    f32(batch, depth),
    f32(batch, units),
    weights(4 * units, depth + units),
    weights(4 * units),
    f32(batch, units),
  ],
  outputs: [f32(), f32(), f32(), f32()],
  options: { ...tanh, kernelType: LSTMKernelType.BASIC },
  notStock: 'stock TFLite keeps the two states itself instead of taking them as inputs',
});

export const RECURRENT_CASES: CaseFamily<
  'RNN' | 'LSTM' | 'UNIDIRECTIONAL_SEQUENCE_LSTM' | 'UNIDIRECTIONAL_SEQUENCE_RNN' | 'SVDF'
> = {
  RNN: [
    {
      name: 'hybrid',
      inputs: [f32(2, 8), hybrid(4, 8), hybrid(4, 4), weights(4), state(2, 4)],
      outputs: [f32()],
      options: { ...tanh, asymmetricQuantizeInputs: true },
      runs: 2,
      // Stock TFLite quantizes activations at each step, Linnet computes on reals.
      tolerance: { absolute: 0.05 },
    },
    {
      name: 'tanh',
      inputs: [f32(2, 5), weights(4, 5), weights(4, 4), weights(4), state(2, 4)],
      outputs: [f32()],
      options: tanh,
      runs: 3,
    },
    {
      name: 'relu',
      inputs: [f32(1, 8), weights(16, 8), weights(16, 16), weights(16), state(1, 16)],
      outputs: [f32()],
      options: { fusedActivationFunction: Activation.RELU },
    },
  ],
  LSTM: [
    ...FORMS.map(([name, form]) => ({
      name,
      inputs: lstmInputs(f32(2, 5), { batch: 2, depth: 5, cells: 4, ...form }),
      outputs: [f32()],
      options: { ...tanh, kernelType: LSTMKernelType.FULL },
      runs: 3,
    })),
    basic(2, 5, 3),
    basic(1, 8, 8),
  ],
  UNIDIRECTIONAL_SEQUENCE_LSTM: SEQUENCE_LSTMS,
  UNIDIRECTIONAL_SEQUENCE_RNN: [
    {
      name: 'large',
      inputs: [f32(2, 3, 19), small(150, 19), small(150, 150), weights(150), state(2, 150)],
      outputs: [f32()],
      options: tanh,
      runs: 2,
      notStock: TOO_LARGE,
    },
    {
      name: 'batch first',
      inputs: [f32(2, 3, 5), weights(4, 5), weights(4, 4), weights(4), state(2, 4)],
      outputs: [f32()],
      options: tanh,
      runs: 2,
    },
    {
      name: 'time first',
      inputs: [f32(3, 2, 5), weights(4, 5), weights(4, 4), weights(4), state(2, 4)],
      outputs: [f32()],
      options: { ...tanh, timeMajor: true },
    },
  ],
  SVDF: [
    {
      name: 'hybrid',
      inputs: [f32(2, 8), hybrid(4, 8), hybrid(4, 5), null, state(2, 20)],
      outputs: [f32()],
      options: { rank: 1, asymmetricQuantizeInputs: true },
      runs: 3,
      // Stock TFLite quantizes activations, Linnet computes on reals.
      tolerance: { absolute: 0.1 },
    },
    {
      name: 'rank 1',
      inputs: [f32(2, 3), weights(4, 3), weights(4, 10), null, state(2, 40)],
      outputs: [f32()],
      options: { rank: 1 },
      runs: 3,
    },
    {
      name: 'rank 2 with bias',
      inputs: [f32(2, 3), weights(8, 3), weights(8, 5), weights(4), state(2, 40)],
      outputs: [f32()],
      options: { rank: 2, fusedActivationFunction: Activation.RELU },
      runs: 7,
    },
  ],
};
