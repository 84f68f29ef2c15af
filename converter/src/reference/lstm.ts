import { type ActivationFunctionType, LSTMKernelType } from '@linnet/schema';
import { activationOf } from './activation.js';
import type { ReferenceFamily, ReferenceKernel, TensorValue } from './kernel.js';
import { clamp } from './numbers.js';
import { asSequence, multiply, overSequence, updateState } from './recurrent.js';
import { logistic } from './unary.js';
import { fromReals, reals, required } from './values.js';

type Vector = Float32Array | Float64Array;

/** What one gate is made of; peephole and layer norm are optional. */
interface Gate {
  readonly weights: Vector;
  readonly recurrent: Vector;
  readonly peephole: Vector | null;
  readonly norm: Vector | null;
  readonly bias: Vector | null;
}

/** Keeps the variance of layer normalization away from 0. Source: TFLite's kernel. */
const NORM_EPSILON = 1e-8;

/** The sum before a gate's activation, for one step of one sequence. */
function gateSum(gate: Gate, x: Vector, h: Vector, cell: Vector): Float64Array {
  const fed = multiply(gate.recurrent, h);
  const sums = multiply(gate.weights, x).map(
    (sum, i) => sum + fed[i]! + (gate.peephole ? gate.peephole[i]! * cell[i]! : 0),
  );
  if (!gate.norm) return sums.map((sum, i) => sum + (gate.bias?.[i] ?? 0));
  const mean = sums.reduce((total, sum) => total + sum, 0) / sums.length;
  const variance = sums.reduce((total, sum) => total + (sum - mean) ** 2, 0) / sums.length;
  const deviation = Math.sqrt(variance + NORM_EPSILON);
  return sums.map((sum, i) => ((sum - mean) / deviation) * gate.norm![i]! + (gate.bias?.[i] ?? 0));
}

/** The inputs of the full form by position. Source: TFLite's lstm kernel. */
const FULL = {
  weights: { input: 1, forget: 2, cell: 3, output: 4 },
  recurrent: { input: 5, forget: 6, cell: 7, output: 8 },
  peephole: { input: 9, forget: 10, cell: -1, output: 11 },
  bias: { input: 12, forget: 13, cell: 14, output: 15 },
  norm: { input: 20, forget: 21, cell: 22, output: 23 },
  projection: 16,
  projectionBias: 17,
  outputState: 18,
  cellState: 19,
} as const;

interface FullOptions {
  readonly fusedActivationFunction: ActivationFunctionType;
  readonly cellClip: number;
  readonly projClip: number;
}

/**
 * An LSTM over sequences: c = clip(f * c + i * g), h = projection(o * act(c)). Without input-gate
 * weights the gates are coupled, i = 1 - f. Both states are variable tensors, updated in place.
 */
function lstm(
  inputs: readonly (TensorValue | null)[],
  options: FullOptions,
  x: TensorValue,
  timeMajor: boolean,
): Float64Array {
  const optional = (index: number): Vector | null => {
    const value = index < 0 ? null : inputs[index];
    return value ? reals(value) : null;
  };
  const isDiagonal = 'diagonalRecurrentTensors' in options && options.diagonalRecurrentTensors;
  const recurrentOf = (weights: Vector) => (isDiagonal ? diagonalMatrix(weights) : weights);
  const gateOf = (name: 'input' | 'forget' | 'cell' | 'output'): Gate => ({
    weights: reals(required(inputs, FULL.weights[name])),
    recurrent: recurrentOf(reals(required(inputs, FULL.recurrent[name]))),
    peephole: optional(FULL.peephole[name]),
    norm: optional(FULL.norm[name]),
    bias: optional(FULL.bias[name]),
  });
  const inputGate = inputs[FULL.weights.input] ? gateOf('input') : null;
  const [forgetGate, cellGate, outputGate] = (['forget', 'cell', 'output'] as const).map(gateOf);
  const projection = optional(FULL.projection);
  const projectionBias = optional(FULL.projectionBias);
  const outputState = required(inputs, FULL.outputState);
  const cellState = required(inputs, FULL.cellState);
  const outputs = Float64Array.from(reals(outputState));
  const cells = Float64Array.from(reals(cellState));
  const [outputSize, cellSize] = [outputState.shape[1]!, cellState.shape[1]!];
  const activate = activationOf(options.fusedActivationFunction);
  const clipped = (value: number, clip: number) => (clip > 0 ? clamp(value, -clip, clip) : value);

  const result = overSequence(x, timeMajor, outputSize, (step, b) => {
    const h = outputs.slice(b * outputSize, (b + 1) * outputSize);
    const before = cells.slice(b * cellSize, (b + 1) * cellSize);
    const forget = gateSum(forgetGate!, step, h, before).map(logistic);
    const update = gateSum(cellGate!, step, h, before).map(activate);
    const input = inputGate
      ? gateSum(inputGate, step, h, before).map(logistic)
      : forget.map((f) => 1 - f);
    const cell = before.map((c, i) =>
      clipped(forget[i]! * c + input[i]! * update[i]!, options.cellClip),
    );
    const output = gateSum(outputGate!, step, h, cell).map(logistic);
    const hidden = cell.map((c, i) => output[i]! * activate(c));
    const next = projection
      ? multiply(projection, hidden).map((sum, i) =>
          clipped(sum + (projectionBias?.[i] ?? 0), options.projClip),
        )
      : hidden;
    cells.set(cell, b * cellSize);
    outputs.set(next, b * outputSize);
    return next;
  });
  updateState(outputState, outputs);
  updateState(cellState, cells);
  return result;
}

/** The square matrix with the numbers on its diagonal. */
function diagonalMatrix(numbers: Vector): Vector {
  const matrix = new Float64Array(numbers.length ** 2);
  for (let i = 0; i < numbers.length; i++) matrix[i * numbers.length + i] = numbers[i]!;
  return matrix;
}

/**
 * The five-input form: x [batch, in], h [batch, n], W [4n, in + n] with the gates input, cell,
 * forget, output, b [4n], c [batch, n]. Outputs: h, c, and two working tensors of the kernel, the
 * joined inputs and the gate sums. h and c are updated where they are variable tensors.
 */
const basicLstm: ReferenceKernel<'LSTM'> = ({ inputs, outputs }) => {
  const [x, h, w, b, c] = [0, 1, 2, 3, 4].map((i) => reals(required(inputs, i)));
  const [batch, depth] = required(inputs, 0).shape as [number, number];
  const units = required(inputs, 1).shape[1]!;
  const hidden: number[] = [];
  const cells: number[] = [];
  const joined: number[] = [];
  const sums: number[] = [];
  for (let n = 0; n < batch; n++) {
    const row = [...x!.slice(n * depth, (n + 1) * depth), ...h!.slice(n * units, (n + 1) * units)];
    const gates = multiply(w!, row).map((sum, i) => sum + b![i]!);
    for (let i = 0; i < units; i++) {
      const [input, update, forget, output] = [0, 1, 2, 3].map((k) => gates[k * units + i]!);
      const cell = logistic(input!) * Math.tanh(update!) + logistic(forget!) * c![n * units + i]!;
      cells.push(cell);
      hidden.push(logistic(output!) * Math.tanh(cell));
    }
    joined.push(...row);
    sums.push(...gates);
  }
  for (const [index, data] of [
    [1, hidden],
    [4, cells],
  ] as const) {
    const state = required(inputs, index);
    if (state.isVariable) updateState(state, data);
  }
  const results = [hidden, cells, joined, sums];
  return outputs.map((output, i) => fromReals(output, results[i]!));
};

export const LSTM: ReferenceFamily<'LSTM' | 'UNIDIRECTIONAL_SEQUENCE_LSTM'> = {
  LSTM: (site) => {
    if (site.options.kernelType === LSTMKernelType.BASIC) return basicLstm(site);
    const result = lstm(site.inputs, site.options, asSequence(required(site.inputs, 0)), true);
    return [fromReals(site.outputs[0]!, result)];
  },

  UNIDIRECTIONAL_SEQUENCE_LSTM: ({ inputs, outputs, options }) => {
    const result = lstm(inputs, options, required(inputs, 0), options.timeMajor);
    return [fromReals(outputs[0]!, result)];
  },
};
