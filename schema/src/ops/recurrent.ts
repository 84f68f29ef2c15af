import { LSTMKernelType } from '../generated/enums/lstmkernel-type.js';
import {
  LSTMOptions,
  RNNOptions,
  SequenceRNNOptions,
  SVDFOptions,
  UnidirectionalSequenceLSTMOptions,
} from '../generated/options.js';
import { formatType, type TensorType } from '../tensor-type.js';
import { defineOp } from './op.js';
import { type AnySite, computedDtype, dimOf, inputOfRank, output, refuse, unify } from './site.js';

/** Inputs of the full LSTM, by position. Source: TFLite's LSTM kernel. */
const LSTM_INPUT = {
  inputToOutput: 4,
  recurrentToOutput: 8,
  outputState: 18,
  cellState: 19,
} as const;

/** The checks that both forms of the full LSTM share, and its output. */
function fullLstm(site: AnySite, data: TensorType, batch: number): readonly TensorType[] {
  if (site.inputs.length !== 20 && site.inputs.length !== 24) {
    refuse(`The node has ${site.inputs.length} inputs; a full LSTM has 20, or 24 with layer norm.`);
  }
  const features = data.shape.at(-1) as number;
  const weights = inputOfRank(site, LSTM_INPUT.inputToOutput, 'input-to-output weights', 2);
  const recurrent = inputOfRank(
    site,
    LSTM_INPUT.recurrentToOutput,
    'recurrent-to-output weights',
    2,
  );
  const [cells, depth] = weights.shape as [number, number];
  const units = recurrent.shape[1] as number;
  unify(depth, features, 'The depth of the input-to-output weights and of the input');
  unify(cells, recurrent.shape[0] as number, 'The cells of input and recurrent weights');
  const outputState = inputOfRank(site, LSTM_INPUT.outputState, 'output state', 2);
  const cellState = inputOfRank(site, LSTM_INPUT.cellState, 'cell state', 2);
  unify(outputState.shape[0] as number, batch, 'The batch of output state and input');
  unify(cellState.shape[0] as number, batch, 'The batch of cell state and input');
  unify(outputState.shape[1] as number, units, 'The units of output state and weights');
  unify(cellState.shape[1] as number, cells, 'The cells of cell state and weights');
  const shape = [...data.shape.slice(0, -1), units];
  return [output(site, 0, computedDtype(site, data.dtype), shape)];
}

/** Inputs: data, previous activation, weights, bias, previous state. Source: as above. */
function basicLstm(site: AnySite): readonly TensorType[] {
  if (site.inputs.length !== 5 || site.outputs.length > 4) {
    refuse(`The node has ${site.inputs.length} inputs; a basic LSTM has 5, and 4 outputs.`);
  }
  const data = inputOfRank(site, 0, 'input', 2);
  const activation = inputOfRank(site, 1, 'previous activation', 2);
  const weights = inputOfRank(site, 2, 'weights', 2);
  const state = inputOfRank(site, 4, 'previous state', 2);
  const [batch, units] = activation.shape as [number, number];
  const depth = dimOf((a, b) => a + b, data.shape[1] as number, units);
  unify(batch, data.shape[0] as number, 'The batch of previous activation and input');
  unify(
    weights.shape[0] as number,
    dimOf((n) => 4 * n, units),
    'The rows of the weights and 4 times the units',
  );
  unify(weights.shape[1] as number, depth, 'The depth of the weights and of input and activation');
  unify(state.shape[1] as number, units, 'The units of previous state and previous activation');
  const { dtype } = data;
  return [
    output(site, 0, dtype, [batch, units]),
    output(site, 1, state.dtype, [batch, units]),
    output(site, 2, dtype, [batch, depth]),
    output(site, 3, site.outputs[3]?.dtype ?? state.dtype, [batch, dimOf((n) => 4 * n, units)]),
  ];
}

/** The number of units of a plain RNN: weights [units, features] and [units, units]. */
function rnnUnits(site: AnySite, data: TensorType, batch: number): number {
  const weights = inputOfRank(site, 1, 'weights', 2);
  const recurrent = inputOfRank(site, 2, 'recurrent weights', 2);
  const state = inputOfRank(site, 4, 'hidden state', 2);
  const [units, depth] = weights.shape as [number, number];
  unify(depth, data.shape.at(-1) as number, 'The depth of the weights and of the input');
  unify(units, recurrent.shape[0] as number, 'The rows of weights and recurrent weights');
  unify(units, recurrent.shape[1] as number, 'The units and the depth of the recurrent weights');
  unify(units, state.shape[1] as number, 'The units of weights and hidden state');
  unify(batch, state.shape[0] as number, 'The batch of input and hidden state');
  return units;
}

/** Ops that carry state from step to step in tensors marked as variable. */
export const RECURRENT_OPS = {
  /** Inputs: data [batch, features], weights, recurrent weights, bias, hidden state. */
  RNN: defineOp({
    options: RNNOptions,
    inputs: [5, 5],
    outputs: [1, 1],
    infer: (site) => {
      const data = inputOfRank(site, 0, 'input', 2);
      const batch = data.shape[0] as number;
      return [output(site, 0, data.dtype, [batch, rnnUnits(site, data, batch)])];
    },
  }),
  /** As RNN, over the time dimension of [batch, time, features] or [time, batch, features]. */
  UNIDIRECTIONAL_SEQUENCE_RNN: defineOp({
    options: SequenceRNNOptions,
    inputs: [5, 5],
    outputs: [1, 1],
    infer: (site) => {
      const data = inputOfRank(site, 0, 'input', 3);
      const batch = data.shape[site.options.timeMajor ? 1 : 0] as number;
      const units = rnnUnits(site, data, batch);
      return [output(site, 0, data.dtype, [...data.shape.slice(0, 2), units])];
    },
  }),
  /** One step; data [batch, features]. */
  LSTM: defineOp({
    options: LSTMOptions,
    inputs: [5, 24],
    outputs: [1, 4],
    infer: (site) => {
      if (site.options.kernelType === LSTMKernelType.BASIC) return basicLstm(site);
      const data = inputOfRank(site, 0, 'input', 2);
      return fullLstm(site, data, data.shape[0] as number);
    },
  }),
  /** The full LSTM over the time dimension. */
  UNIDIRECTIONAL_SEQUENCE_LSTM: defineOp({
    options: UnidirectionalSequenceLSTMOptions,
    inputs: [20, 24],
    outputs: [1, 1],
    infer: (site) => {
      const data = inputOfRank(site, 0, 'input', 3);
      if (site.options.diagonalRecurrentTensors) {
        // Recurrent weights are vectors then, one factor per unit.
        const weights = inputOfRank(site, LSTM_INPUT.recurrentToOutput, 'recurrent weights', 1);
        const shape = [...data.shape.slice(0, 2), weights.shape[0] as number];
        return [output(site, 0, computedDtype(site, data.dtype), shape)];
      }
      return fullLstm(site, data, data.shape[site.options.timeMajor ? 1 : 0] as number);
    },
  }),
  /** Inputs: data [batch, features], feature weights, time weights, bias, state. */
  SVDF: defineOp({
    options: SVDFOptions,
    inputs: [5, 5],
    outputs: [1, 1],
    infer: (site) => {
      const data = inputOfRank(site, 0, 'input', 2);
      const features = inputOfRank(site, 1, 'feature weights', 2);
      const time = inputOfRank(site, 2, 'time weights', 2);
      const state = inputOfRank(site, 4, 'state', 2);
      const [batch, depth] = data.shape as [number, number];
      const filters = features.shape[0] as number;
      const { rank } = site.options;
      const units = dimOf((count) => count / rank, filters);
      if (rank <= 0 || !Number.isInteger(units)) {
        refuse(`Input 1 is ${formatType(features)}; its rows must be a multiple of rank ${rank}.`);
      }
      unify(depth, features.shape[1] as number, 'The depth of input and feature weights');
      unify(filters, time.shape[0] as number, 'The filters of feature and time weights');
      unify(batch, state.shape[0] as number, 'The batch of input and state');
      unify(
        dimOf((memory, count) => memory * count, time.shape[1] as number, filters),
        state.shape[1] as number,
        'The memory of all filters and the state',
      );
      return [output(site, 0, data.dtype, [batch, units])];
    },
  }),
};
