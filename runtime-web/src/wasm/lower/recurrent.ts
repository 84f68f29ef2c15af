/**
 * Recurrent layers in float32. Weights of reduced precision reach them expanded to float32 by the
 * planner. State tensors are inputs that kernels update in place.
 */
import { LSTMKernelType, type OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { type AnySite, inputOf, outputOf } from '../../lower/operands.js';
import { elementBytes } from '../../model/storage.js';
import type { BufferRef, LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { advance, emitCopy } from './dims.js';
import { emitMove } from './operands.js';
import { threadBytes } from './problem.js';

function allFloat(site: AnySite): boolean {
  return [...site.inputs, ...site.outputs].every(
    (operand) => operand === null || operand.type.dtype === 'float32',
  );
}

/** State must be memory of its own: a constant cannot be updated. */
function hasState(site: AnySite, ...indices: readonly number[]): boolean {
  return indices.every((index) => inputOf(site, index).value === undefined);
}

/** How the steps of a [batch, time, ...] or, `timeMajor`, [time, batch, ...] sequence lie. */
function sequence(shape: readonly number[], timeMajor: boolean) {
  const [first, second] = shape as [number, number];
  return timeMajor
    ? { batch: second, time: first, batch_step: 1, time_step: second }
    : { batch: first, time: second, batch_step: second, time_step: 1 };
}

/** A single step of a [batch, ...] input, as a sequence. */
function oneStep(shape: readonly number[]) {
  return sequence([shape[0] as number, 1], false);
}

function rnn<N extends 'RNN' | 'UNIDIRECTIONAL_SEQUENCE_RNN'>(
  steps: (site: LowerSite<N>) => ReturnType<typeof sequence>,
): Lowering<N> {
  return {
    supports: (site) =>
      allFloat(site) &&
      hasState(site, 4) &&
      count(inputOf(site, 3).type.shape) === inputOf(site, 1).type.shape[0],
    lower(site, emit) {
      const [units, features] = inputOf(site, 1).type.shape as [number, number];
      emit.call('rnn_f32', {
        ...steps(site),
        input: inputOf(site, 0).ref,
        weights: inputOf(site, 1).ref,
        recurrent: inputOf(site, 2).ref,
        bias: inputOf(site, 3).ref,
        state: inputOf(site, 4).ref,
        output: outputOf(site).ref,
        units,
        features,
        activation: activationOf(site),
      });
    },
  };
}

/** STEPS of the kernel. */
const STEPS_AT_ONCE = 4;

/** Inputs of the full LSTM, by position. Source: TFLite's LSTM kernel. */
const INPUT = {
  inputWeights: 1,
  forgetWeights: 2,
  cellWeights: 3,
  outputWeights: 4,
  inputRecurrent: 5,
  forgetRecurrent: 6,
  cellRecurrent: 7,
  outputRecurrent: 8,
  inputPeephole: 9,
  forgetPeephole: 10,
  outputPeephole: 11,
  inputBias: 12,
  forgetBias: 13,
  cellBias: 14,
  outputBias: 15,
  projection: 16,
  projectionBias: 17,
  outputState: 18,
  cellState: 19,
  inputNorm: 20,
  forgetNorm: 21,
  cellNorm: 22,
  outputNorm: 23,
} as const;

/** Sizes that an LSTM's optional inputs must have; null where an input may have none. */
function lstmSizes(
  site: AnySite,
  cells: number,
  units: number,
  features: number,
  diagonal: boolean,
) {
  const recurrent = diagonal ? cells : cells * units;
  const sizes = new Map<number, number>();
  const expect = (size: number, ...indices: readonly number[]) => {
    for (const index of indices) sizes.set(index, size);
  };
  const { inputWeights, forgetWeights, cellWeights, outputWeights } = INPUT;
  expect(cells * features, inputWeights, forgetWeights, cellWeights, outputWeights);
  const { inputRecurrent, forgetRecurrent, cellRecurrent, outputRecurrent } = INPUT;
  expect(recurrent, inputRecurrent, forgetRecurrent, cellRecurrent, outputRecurrent);
  for (let index: number = INPUT.inputPeephole; index <= INPUT.outputBias; index++)
    expect(cells, index);
  expect(units * cells, INPUT.projection);
  expect(units, INPUT.projectionBias);
  for (let index: number = INPUT.inputNorm; index <= INPUT.outputNorm; index++)
    expect(cells, index);
  return [...sizes].every(([index, size]) => {
    const operand = site.inputs[index];
    return operand == null || count(operand.type.shape) === size;
  });
}

const REQUIRED = [
  INPUT.forgetWeights,
  INPUT.cellWeights,
  INPUT.outputWeights,
  INPUT.forgetRecurrent,
  INPUT.cellRecurrent,
  INPUT.outputRecurrent,
  INPUT.outputState,
  INPUT.cellState,
] as const;

type FullOp = 'LSTM' | 'UNIDIRECTIONAL_SEQUENCE_LSTM';

/** Room for the gates' sums of the steps that the kernel takes together. */
function gateSums(emit: Emitter, cells: number) {
  const bytes = threadBytes(STEPS_AT_ONCE * 4 * 4 * cells);
  return { sums: emit.threadScratch(bytes), sums_bytes: bytes };
}

function shapeOfLstm(site: LowerSite<FullOp>) {
  const [cells, features] = inputOf(site, INPUT.outputWeights).type.shape as [number, number];
  const units = outputOf(site).type.shape.at(-1) as number;
  const diagonal =
    'diagonalRecurrentTensors' in site.options && site.options.diagonalRecurrentTensors;
  return { cells, features, units, diagonal };
}

function supportsFull(site: LowerSite<FullOp>): boolean {
  const present = REQUIRED.every((index) => site.inputs[index] != null);
  if (!present || !allFloat(site)) return false;
  const { cells, features, units, diagonal } = shapeOfLstm(site);
  const hasInputGate = site.inputs[INPUT.inputWeights] != null;
  const isWhole =
    hasInputGate === (site.inputs[INPUT.inputRecurrent] != null) &&
    (site.inputs[INPUT.projection] != null || cells === units) &&
    (!diagonal || cells === units);
  return (
    isWhole &&
    hasState(site, INPUT.outputState, INPUT.cellState) &&
    lstmSizes(site, cells, units, features, diagonal)
  );
}

function emitFull(
  emit: Emitter,
  site: LowerSite<FullOp>,
  steps: ReturnType<typeof sequence>,
): void {
  const { cells, features, units, diagonal } = shapeOfLstm(site);
  const ref = (index: number) => site.inputs[index]?.ref ?? null;
  emit.call('lstm_f32', {
    ...steps,
    input: inputOf(site, 0).ref,
    output: outputOf(site).ref,
    input_weights: ref(INPUT.inputWeights),
    input_recurrent: ref(INPUT.inputRecurrent),
    input_peephole: ref(INPUT.inputPeephole),
    input_bias: ref(INPUT.inputBias),
    input_norm: ref(INPUT.inputNorm),
    cell_weights: ref(INPUT.cellWeights),
    cell_recurrent: ref(INPUT.cellRecurrent),
    cell_bias: ref(INPUT.cellBias),
    cell_norm: ref(INPUT.cellNorm),
    forget_weights: ref(INPUT.forgetWeights),
    forget_recurrent: ref(INPUT.forgetRecurrent),
    forget_peephole: ref(INPUT.forgetPeephole),
    forget_bias: ref(INPUT.forgetBias),
    forget_norm: ref(INPUT.forgetNorm),
    output_weights: ref(INPUT.outputWeights),
    output_recurrent: ref(INPUT.outputRecurrent),
    output_peephole: ref(INPUT.outputPeephole),
    output_bias: ref(INPUT.outputBias),
    output_norm: ref(INPUT.outputNorm),
    projection: ref(INPUT.projection),
    projection_bias: ref(INPUT.projectionBias),
    hidden: inputOf(site, INPUT.outputState).ref,
    cell: inputOf(site, INPUT.cellState).ref,
    gates: null,
    ...gateSums(emit, cells),
    features,
    units,
    cells,
    input_row: features,
    recurrent_row: units,
    diagonal: diagonal ? 1 : 0,
    activation: activationOf(site),
    cell_clip: site.options.cellClip,
    projection_clip: site.options.projClip,
  });
}

/** Emits [x, h] rows into an output that shows what the gates were computed from. */
function emitJoined(emit: Emitter, x: Operand, h: Operand, joined: Operand): void {
  const width = joined.type.shape[1] as number;
  let start = 0;
  for (const { type, ref } of [x, h]) {
    const columns = type.shape[1] as number;
    const from = { ref, strides: [columns, 1] };
    emitCopy(emit, elementBytes(type.dtype), type.shape, from, {
      ref: joined.ref,
      start,
      strides: [width, 1],
    });
    start += columns;
  }
}

/**
 * The basic LSTM: one step, all weights in one matrix [4 * units, features + units] whose rows are
 * those of the input, cell, forget and output gates. The previous output and state are updated.
 */
function emitBasic(emit: Emitter, site: LowerSite<'LSTM'>): void {
  const [x, h, weights, bias, c] = [0, 1, 2, 3, 4].map((index) => inputOf(site, index)) as [
    Operand,
    Operand,
    Operand,
    Operand,
    Operand,
  ];
  const [newH, newC, joined, gates] = site.outputs;
  const features = x.type.shape[1] as number;
  const units = h.type.shape[1] as number;
  const row = features + units;
  const scratch = (operand: Operand | undefined, like: Operand): Operand =>
    operand ?? { ...like, ref: emit.scratch(4 * count(like.type.shape)) };
  const [hidden, cell] = [scratch(newH, h), scratch(newC, c)];
  emitMove(emit, h, hidden);
  emitMove(emit, c, cell);
  if (joined !== undefined) emitJoined(emit, x, h, joined);
  const part = (index: number, rest: number): BufferRef =>
    advance(weights.ref, 4 * (index * units * row + rest));
  const offset = (index: number): BufferRef => advance(bias.ref, 4 * index * units);
  emit.call('lstm_f32', {
    ...oneStep(x.type.shape),
    input: x.ref,
    output: null,
    input_weights: part(0, 0),
    input_recurrent: part(0, features),
    input_peephole: null,
    input_bias: offset(0),
    input_norm: null,
    cell_weights: part(1, 0),
    cell_recurrent: part(1, features),
    cell_bias: offset(1),
    cell_norm: null,
    forget_weights: part(2, 0),
    forget_recurrent: part(2, features),
    forget_peephole: null,
    forget_bias: offset(2),
    forget_norm: null,
    output_weights: part(3, 0),
    output_recurrent: part(3, features),
    output_peephole: null,
    output_bias: offset(3),
    output_norm: null,
    projection: null,
    projection_bias: null,
    hidden: hidden.ref,
    cell: cell.ref,
    gates: gates?.ref ?? null,
    ...gateSums(emit, units),
    features,
    units,
    cells: units,
    input_row: row,
    recurrent_row: row,
    diagonal: 0,
    activation: activationOf(site),
    cell_clip: site.options.cellClip,
    projection_clip: 0,
  });
  if (h.value === undefined) emitMove(emit, hidden, h);
  if (c.value === undefined) emitMove(emit, cell, c);
}

const lstm: Lowering<'LSTM'> = {
  supports(site) {
    if (site.options.kernelType !== LSTMKernelType.BASIC) return supportsFull(site);
    const [batch, units] = inputOf(site, 1).type.shape as [number, number];
    return (
      allFloat(site) &&
      count(inputOf(site, 3).type.shape) === 4 * units &&
      count(inputOf(site, 4).type.shape) === batch * units
    );
  },
  lower(site, emit) {
    if (site.options.kernelType === LSTMKernelType.BASIC) emitBasic(emit, site);
    else emitFull(emit, site, oneStep(inputOf(site, 0).type.shape));
  },
};

const sequenceLstm: Lowering<'UNIDIRECTIONAL_SEQUENCE_LSTM'> = {
  supports: supportsFull,
  lower: (site, emit) =>
    emitFull(emit, site, sequence(inputOf(site, 0).type.shape, site.options.timeMajor)),
};

const svdf: Lowering<'SVDF'> = {
  supports(site) {
    const bias = site.inputs[3];
    const hasBias = bias == null || count(bias.type.shape) === outputOf(site).type.shape[1];
    const memory = inputOf(site, 2).type.shape[1] as number;
    return allFloat(site) && hasState(site, 4) && hasBias && memory > 0;
  },
  lower(site, emit) {
    const [batch, features] = inputOf(site, 0).type.shape as [number, number];
    emit.call('svdf_f32', {
      input: inputOf(site, 0).ref,
      weights: inputOf(site, 1).ref,
      time_weights: inputOf(site, 2).ref,
      bias: site.inputs[3]?.ref ?? null,
      state: inputOf(site, 4).ref,
      output: outputOf(site).ref,
      batch,
      features,
      units: outputOf(site).type.shape[1] as number,
      rank: site.options.rank,
      memory: inputOf(site, 2).type.shape[1] as number,
      activation: activationOf(site),
    });
  },
};

export const RECURRENT_LOWERINGS = {
  RNN: rnn<'RNN'>((site) => oneStep(inputOf(site, 0).type.shape)),
  UNIDIRECTIONAL_SEQUENCE_RNN: rnn<'UNIDIRECTIONAL_SEQUENCE_RNN'>((site) =>
    sequence(inputOf(site, 0).type.shape, site.options.timeMajor),
  ),
  LSTM: lstm,
  UNIDIRECTIONAL_SEQUENCE_LSTM: sequenceLstm,
  SVDF: svdf,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
