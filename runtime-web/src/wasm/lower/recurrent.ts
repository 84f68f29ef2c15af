/**
 * Recurrent layers in float32. Weights of reduced precision reach them expanded to float32 by the
 * planner. State tensors are inputs that kernels update in place.
 */
import type { OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { haveState, inputOf, outputOf } from '../../lower/operands.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { LSTM_LOWERINGS } from './lstm.js';
import { rowsOf } from './packing.js';
import {
  allFloat,
  emitPacked,
  emitSequence,
  oneStep,
  type Sequence,
  sequenceOf,
  whole,
} from './sequence.js';

function rnn<N extends 'RNN' | 'UNIDIRECTIONAL_SEQUENCE_RNN'>(
  sequence: (site: LowerSite<N>) => Sequence,
): Lowering<N> {
  return {
    supports: (site) =>
      allFloat(site) &&
      haveState(site, 4) &&
      count(inputOf(site, 3).type.shape) === inputOf(site, 1).type.shape[0],
    lower(site, emit) {
      const [input, weights, recurrent, bias, state] = [0, 1, 2, 3, 4].map((index) =>
        inputOf(site, index),
      ) as [Operand, Operand, Operand, Operand, Operand];
      const [units, features] = weights.type.shape as [number, number];
      const matrices = rowsOf(units, features);
      const square = rowsOf(units, units);
      const products = {
        input: input.ref,
        weights: emitPacked(emit, 'input', matrices, [
          { matrix: whole(weights), bias: whole(bias) },
        ]),
        gates: 1,
        matrices,
      };
      const packed = emitPacked(emit, 'recurrent', square, [
        { matrix: whole(recurrent), bias: null },
      ]);
      const output = { ref: outputOf(site).ref, units };
      emitSequence(emit, sequence(site), products, output, (steps) => {
        emit.call('rnn_f32', {
          ...steps,
          recurrent: packed,
          state: state.ref,
          units,
          activation: activationOf(site),
        });
      });
    },
  };
}

const svdf: Lowering<'SVDF'> = {
  supports(site) {
    const bias = site.inputs[3];
    const hasBias = bias == null || count(bias.type.shape) === outputOf(site).type.shape[1];
    const memory = inputOf(site, 2).type.shape[1] as number;
    return allFloat(site) && haveState(site, 4) && hasBias && memory > 0;
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
    sequenceOf(inputOf(site, 0).type.shape, site.options.timeMajor),
  ),
  ...LSTM_LOWERINGS,
  SVDF: svdf,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
