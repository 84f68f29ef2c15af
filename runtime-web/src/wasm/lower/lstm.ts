/** The LSTM: all forms of TFLite's op as one kernel over a sequence. */
import { LSTMKernelType, type OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count, rowMajor } from '../../lower/dims.js';
import { type AnySite, haveState, inputOf, isState, outputOf } from '../../lower/operands.js';
import { elementBytes } from '../../model/storage.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitCopy } from './dims.js';
import { emitMove } from './operands.js';
import { paddedColumns, rowsOf } from './packing.js';
import {
  allFloat,
  emitPacked,
  emitSequence,
  oneStep,
  type Sequence,
  sequenceOf,
  whole,
} from './sequence.js';

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
    haveState(site, INPUT.outputState, INPUT.cellState) &&
    lstmSizes(site, cells, units, features, diagonal)
  );
}

/** The positions of a gate's inputs, in the order in which kernels keep gates. */
const GATES = [
  { weights: INPUT.inputWeights, recurrent: INPUT.inputRecurrent, bias: INPUT.inputBias },
  { weights: INPUT.cellWeights, recurrent: INPUT.cellRecurrent, bias: INPUT.cellBias },
  { weights: INPUT.forgetWeights, recurrent: INPUT.forgetRecurrent, bias: INPUT.forgetBias },
  { weights: INPUT.outputWeights, recurrent: INPUT.outputRecurrent, bias: INPUT.outputBias },
] as const;

function emitFull(emit: Emitter, site: LowerSite<FullOp>, sequence: Sequence): void {
  const { cells, features, units, diagonal } = shapeOfLstm(site);
  const ref = (index: number) => site.inputs[index]?.ref ?? null;
  const slice = (index: number) => whole(inputOf(site, index));
  const optional = (index: number) => (site.inputs[index] == null ? null : slice(index));
  const gates = GATES.slice(site.inputs[INPUT.inputWeights] == null ? 1 : 0);
  // Biases follow normalization.
  const isNormalized = site.inputs[INPUT.forgetNorm] != null;
  const matrices = rowsOf(cells, features);
  const products = {
    input: inputOf(site, 0).ref,
    weights: emitPacked(
      emit,
      'gates',
      matrices,
      gates.map(({ weights, bias }) => ({
        matrix: slice(weights),
        bias: isNormalized ? null : optional(bias),
      })),
    ),
    gates: gates.length,
    matrices,
  };
  const recurrent = emitPacked(
    emit,
    'recurrent',
    diagonal ? rowsOf(cells, 1) : rowsOf(cells, units),
    gates.map(({ recurrent }) => ({ matrix: slice(recurrent), bias: null })),
  );
  const isProjected = site.inputs[INPUT.projection] != null;
  const projection = isProjected
    ? emitPacked(emit, 'projection', rowsOf(units, cells), [
        { matrix: slice(INPUT.projection), bias: optional(INPUT.projectionBias) },
      ])
    : null;
  const { batch } = sequence;
  const work = {
    shown: isProjected ? emit.scratch(4 * batch * cells) : null,
    projected: isProjected ? emit.scratch(4 * batch * paddedColumns(units)) : null,
  };
  const bias = (index: number) => (isNormalized ? ref(index) : null);
  const output = { ref: outputOf(site).ref, units };
  emitSequence(emit, sequence, products, output, (steps) => {
    emit.call('lstm_f32', {
      ...steps,
      ...work,
      recurrent,
      projection,
      input_peephole: ref(INPUT.inputPeephole),
      forget_peephole: ref(INPUT.forgetPeephole),
      output_peephole: ref(INPUT.outputPeephole),
      input_norm: ref(INPUT.inputNorm),
      cell_norm: ref(INPUT.cellNorm),
      forget_norm: ref(INPUT.forgetNorm),
      output_norm: ref(INPUT.outputNorm),
      input_bias: bias(INPUT.inputBias),
      cell_bias: bias(INPUT.cellBias),
      forget_bias: bias(INPUT.forgetBias),
      output_bias: bias(INPUT.outputBias),
      hidden: inputOf(site, INPUT.outputState).ref,
      cell: inputOf(site, INPUT.cellState).ref,
      gates: gates.length,
      units,
      cells,
      diagonal: diagonal ? 1 : 0,
      activation: activationOf(site),
      cell_clip: site.options.cellClip,
      projection_clip: site.options.projClip,
    });
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

/** The arguments of a kernel for an LSTM without anything that is optional. */
export const PLAIN_LSTM = {
  input_peephole: null,
  forget_peephole: null,
  output_peephole: null,
  input_norm: null,
  cell_norm: null,
  forget_norm: null,
  output_norm: null,
  input_bias: null,
  cell_bias: null,
  forget_bias: null,
  output_bias: null,
  projection: null,
  shown: null,
  projected: null,
  diagonal: 0,
  projection_clip: 0,
} as const;

/**
 * The basic LSTM: one step, all weights in one matrix [4 * units, features + units] whose rows are
 * those of the input, cell, forget and output gates. The previous output and cells are updated where
 * they are state. Source: TFLite's LSTM kernel.
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
  const [batch, features] = x.type.shape as [number, number];
  const units = h.type.shape[1] as number;
  const row = features + units;
  const like = (operand: Operand): Operand => ({
    ...operand,
    ref: emit.scratch(4 * count(operand.type.shape)),
  });
  const [hidden, cell] = [h, c].map((given) => (isState(given) ? given : like(given))) as [
    Operand,
    Operand,
  ];
  if (hidden !== h) emitMove(emit, h, hidden);
  if (cell !== c) emitMove(emit, c, cell);
  if (joined !== undefined) emitJoined(emit, x, h, joined);
  const parts = (start: number, biases: Operand | null) =>
    GATES.map((_, gate) => ({
      matrix: { operand: weights, start: gate * units * row + start },
      bias: biases && { operand: biases, start: gate * units },
    }));
  const matrices = rowsOf(units, features, row);
  const products = {
    input: x.ref,
    weights: emitPacked(emit, 'gates', matrices, parts(0, bias)),
    gates: GATES.length,
    matrices,
  };
  const recurrent = emitPacked(emit, 'recurrent', rowsOf(units, units, row), parts(features, null));
  const output = { ref: (newH ?? like(h)).ref, units };
  emitSequence(emit, oneStep(x.type.shape), products, output, (steps) => {
    emit.call('lstm_f32', {
      ...steps,
      ...PLAIN_LSTM,
      recurrent,
      hidden: hidden.ref,
      cell: cell.ref,
      gates: GATES.length,
      units,
      cells: units,
      activation: activationOf(site),
      cell_clip: site.options.cellClip,
    });
    if (gates === undefined) return;
    const padded = paddedColumns(units);
    const dims = [batch, GATES.length, units];
    const from = { ref: steps.sums, strides: [GATES.length * padded, padded, 1] };
    emitCopy(emit, 4, dims, from, { ref: gates.ref, strides: rowMajor(dims) });
  });
  if (newC !== undefined) emitMove(emit, cell, newC);
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
    emitFull(emit, site, sequenceOf(inputOf(site, 0).type.shape, site.options.timeMajor)),
};

export const LSTM_LOWERINGS = {
  LSTM: lstm,
  UNIDIRECTIONAL_SEQUENCE_LSTM: sequenceLstm,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
