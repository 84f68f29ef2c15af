/** Recurrent layers: the products of all steps' inputs at once, then a kernel for each step. */
import { ActivationFunctionType, LSTMKernelType, type OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { type AnySite, haveState, inputOf, outputOf } from '../../lower/operands.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { LEAST_TRAITS } from '../traits.js';
import { activationFunction } from '../wgsl/activation.js';
import { array, type Binding, f32, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { quadCode } from '../wgsl/quad.js';
import { times } from '../wgsl/text.js';
import { emitElementwise } from './elementwise.js';
import { isFloat, matrixRows } from './product.js';
import { emitFloatTiles } from './tiles-f32.js';
import { IN_ORDER, resident, transposed } from './weights.js';

/** A [batch, time, ...] or, `timeMajor`, [time, batch, ...] sequence. */
interface Sequence {
  readonly batch: number;
  readonly time: number;
  readonly timeMajor: boolean;
}

function sequenceOf({ type: { shape } }: Operand, timeMajor: boolean): Sequence {
  const [first, second] = shape as readonly [number, number];
  return timeMajor
    ? { batch: second, time: first, timeMajor }
    : { batch: first, time: second, timeMajor };
}

/** A single step of a [batch, ...] input. */
const oneStep = ({ type: { shape } }: Operand): Sequence => ({
  batch: shape[0] as number,
  time: 1,
  timeMajor: false,
});

/** A gate by its matrices [units, features] and [units, units] and what is added to their products. */
interface Gate {
  readonly weights: Operand;
  readonly recurrent: Operand;
  readonly bias: Operand | null;
}

interface Layer {
  readonly sequence: Sequence;
  readonly gates: readonly Gate[];
  readonly units: number;
  /** The last output, [batch, units]: of the run before, and after this one of this. */
  readonly hidden: Operand;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly params: Readonly<Record<string, Param>>;
  readonly declarations: string;
  /**
   * Statements that make `result`, the output of `unit` of batch element number `task / params.units`, of
   * what goes into the gates, `gate0`, `gate1`, ...
   */
  readonly step: string;
}

/** Constants one after the other, in the order of their elements. */
function joined(emit: Emitter, key: string, parts: readonly (Operand | null)[], size: number) {
  const value = new Float32Array(parts.length * size);
  parts.forEach((part, at) => {
    if (part !== null) value.set(part.value as Float32Array, at * size);
  });
  const type = { dtype: 'float32', shape: [parts.length, size] } as const;
  return { type, ref: emit.constant(key, () => value), value };
}

/** Invocations of a workgroup of four to a unit. */
const INVOCATIONS = 64;

/**
 * Emits a layer whose output is [batch, time, units] or [time, batch, units]. An output is passed to the
 * next step by one of two buffers that take turns, since a step reads all of the one before.
 */
function emitLayer(emit: Emitter, site: AnySite & { readonly op: OpName }, layer: Layer): void {
  const { sequence, gates, units, hidden, step } = layer;
  const { batch, time, timeMajor } = sequence;
  const [input, output] = [inputOf(site, 0), outputOf(site)];
  const features = input.type.shape.at(-1) as number;
  const columns = gates.length * units;
  const sums: Operand = {
    type: { dtype: 'float32', shape: [batch * time, columns] },
    ref: emit.scratch(4 * batch * time * columns),
    value: undefined,
  };
  const parts = (name: keyof Gate) => gates.map((gate) => gate[name]);
  const weights = joined(emit, 'input weights', parts('weights'), units * features);
  emitFloatTiles(emit, {
    label: site.op,
    items: 1,
    size: [batch * time, columns],
    rows: matrixRows(input, features),
    weights: transposed(emit, weights, 1, columns, features),
    bias: joined(emit, 'biases', parts('bias'), units),
    activation: ActivationFunctionType.NONE,
    output: sums,
    outputStrides: [0, columns],
  });
  const recurrent = joined(emit, 'recurrent weights', parts('recurrent'), units * units);
  const matrices = resident(emit, recurrent, IN_ORDER);
  const width = units % 4 === 0 ? 4 : 1;
  const vector = width === 4 ? 'vec4<f32>' : 'f32';
  const quad = quadCode(emit.traits, INVOCATIONS, 'f32');
  const passed = times(
    time > 2 ? 2 : 1,
    (): Operand => ({
      ...hidden,
      ref: emit.scratch(4 * batch * units),
      value: undefined,
    }),
  );
  const [batchStep, timeStep] = timeMajor ? [1, batch] : [time, 1];
  const each = (of: (gate: number) => string) => times(gates.length, of).join('\n');
  let last = hidden;
  for (let t = 0; t < time; t++) {
    const isLast = t === time - 1;
    const next = isLast && t > 0 ? hidden : (passed[t % 2] as Operand);
    emit.run({
      label: site.op,
      quads: quad.quads,
      bindings: {
        h: reads(last, width),
        w: reads(matrices, width),
        sums: reads(sums, 1),
        next: writes(next, 1),
        y: writes(output, 1),
        ...layer.bindings,
      },
      params: {
        tasks: u32(batch * units),
        units: u32(units),
        steps: u32(units / width),
        row: u32(t * timeStep),
        row_step: u32(batchStep),
        ...layer.params,
      },
      workgroup: [INVOCATIONS, 1, 1],
      grid: { invocations: 4 * batch * units },
      multiplyAdds: batch * units * columns,
      declarations: `${quad.declarations}${layer.declarations}`,
      body: `
let task = min(index / 4u, params.tasks - 1u);
let unit = task % params.units;
let row = params.row + task / params.units * params.row_step;
let h_at = task / params.units * params.steps;
${each((gate) => `var part${gate} = ${vector}();`)}
for (var k = lane & 3u; k < params.steps; k += 4u) {
  let h = h_load(h_at + k);
  ${each((gate) => `part${gate} += h * ${vector}(w_load((${gate}u * params.units + unit) * params.steps + k));`)}
}
${each((gate) => `var gate${gate} = ${width === 4 ? `dot(part${gate}, vec4(1.0))` : `part${gate}`}; ${quad.combine(`gate${gate}`, (a, b) => `${a} + ${b}`)}`)}
if ((lane & 3u) != 0u || index / 4u >= params.tasks) { return; }
${each((gate) => `gate${gate} += sums_load((row * ${gates.length}u + ${gate}u) * params.units + unit);`)}
${step}
next_store(task, result);
y_store(row * params.units + unit, result);`,
    });
    last = next;
  }
  if (last === hidden) return;
  emitElementwise(emit, { label: site.op, operands: [last], output: hidden, expression: 'a' });
}

/** Whether inputs are known, or left out. */
const areKnown = (site: AnySite, ...indices: readonly number[]) =>
  indices.every((index) => site.inputs[index]?.value !== undefined || site.inputs[index] == null);

/** Whether inputs have as many elements as they should, or are left out. */
const haveSize = (site: AnySite, size: number, ...indices: readonly number[]) =>
  indices.every((index) => {
    const operand = site.inputs[index];
    return operand == null || count(operand.type.shape) === size;
  });

/** Whether what goes into the gates at all steps is no more than any device binds. */
function fitsSums({ type: { shape } }: Operand, columns: number): boolean {
  return 4 * count(shape.slice(0, -1)) * columns <= LEAST_TRAITS.maxBindingBytes;
}

/** Inputs: x, weights [units, features], recurrent weights [units, units], bias, state. */
function rnn<N extends 'RNN' | 'UNIDIRECTIONAL_SEQUENCE_RNN'>(
  sequence: (site: LowerSite<N>) => Sequence,
): Lowering<N> {
  return {
    supports(site) {
      const units = inputOf(site, 1).type.shape[0] as number;
      return (
        isFloat(site) &&
        fitsSums(inputOf(site, 0), units) &&
        areKnown(site, 1, 2, 3) &&
        haveState(site, 4) &&
        haveSize(site, units * units, 2) &&
        haveSize(site, units, 3)
      );
    },
    lower(site, emit) {
      const [weights, recurrent, bias] = [inputOf(site, 1), inputOf(site, 2), inputOf(site, 3)];
      emitLayer(emit, site, {
        sequence: sequence(site),
        gates: [{ weights, recurrent, bias }],
        units: weights.type.shape[0] as number,
        hidden: inputOf(site, 4),
        bindings: {},
        params: {},
        declarations: activationFunction(activationOf(site), 'f32'),
        step: 'let result = activate(gate0);',
      });
    },
  };
}

/** The positions of the inputs of an LSTM's gates: input, cell, forget and output. Source: TFLite's LSTM kernel. */
const GATES = [
  { weights: 1, recurrent: 5, bias: 12 },
  { weights: 3, recurrent: 7, bias: 14 },
  { weights: 2, recurrent: 6, bias: 13 },
  { weights: 4, recurrent: 8, bias: 15 },
] as const;

/** Weights with which the input, forget and output gates see the cells. */
const PEEPHOLES = [9, 10, 11] as const;
const HIDDEN = 18;
const CELL = 19;
/** Projections, and layer normalization. */
const BEYOND = [16, 17, 20, 21, 22, 23] as const;

type FullOp = 'LSTM' | 'UNIDIRECTIONAL_SEQUENCE_LSTM';

/** The LSTM without a projection and layer normalization. */
function supportsLstm(site: LowerSite<FullOp>): boolean {
  const { options } = site;
  if ('kernelType' in options && options.kernelType === LSTMKernelType.BASIC) return false;
  if ('diagonalRecurrentTensors' in options && options.diagonalRecurrentTensors) return false;
  const [x, y] = [inputOf(site, 0), outputOf(site)];
  const [units, features] = [y, x].map(({ type }) => type.shape.at(-1)) as [number, number];
  const weights = GATES.map((gate) => gate.weights);
  const recurrent = GATES.map((gate) => gate.recurrent);
  const biases = GATES.map((gate) => gate.bias);
  const has = (index: number) => site.inputs[index] != null;
  return (
    isFloat(site) &&
    fitsSums(x, GATES.length * units) &&
    has(GATES[0].weights) === has(GATES[0].recurrent) &&
    [...weights.slice(1), ...recurrent.slice(1)].every(has) &&
    !BEYOND.some(has) &&
    areKnown(site, ...weights, ...recurrent, ...biases, ...PEEPHOLES) &&
    haveState(site, HIDDEN, CELL) &&
    haveSize(site, units * features, ...weights) &&
    haveSize(site, units * units, ...recurrent) &&
    haveSize(site, units, ...biases, ...PEEPHOLES)
  );
}

function emitLstm(emit: Emitter, site: LowerSite<FullOp>, sequence: Sequence): void {
  const units = outputOf(site).type.shape.at(-1) as number;
  // Without an input gate it is 1 - forget gate.
  const isCoupled = site.inputs[GATES[0].weights] == null;
  const gates = GATES.slice(isCoupled ? 1 : 0);
  const [fresh, forget, shown] = gates.map((_, at) => `gate${at}`).slice(-3);
  const peepholes = PEEPHOLES.map((index) => site.inputs[index] ?? null);
  const sees = peepholes.some((weights) => weights !== null);
  const seen = (at: number, cell: string) =>
    sees ? ` + peepholes_load(${at}u * params.units + unit) * ${cell}` : '';
  const { cellClip } = site.options;
  const clipped = cellClip > 0 ? 'clamp(sum, -params.clip, params.clip)' : 'sum';
  emitLayer(emit, site, {
    sequence,
    gates: gates.map(({ weights, recurrent, bias }) => ({
      weights: inputOf(site, weights),
      recurrent: inputOf(site, recurrent),
      bias: site.inputs[bias] ?? null,
    })),
    units,
    hidden: inputOf(site, HIDDEN),
    bindings: {
      cell: array(inputOf(site, CELL).ref, 'f32', 'read_write'),
      ...(sees && { peepholes: reads(joined(emit, 'peepholes', peepholes, units), 1) }),
    },
    params: cellClip > 0 ? { clip: f32(cellClip) } : {},
    declarations: `${activationFunction(activationOf(site), 'f32')}
fn logistic(v: f32) -> f32 { return 1.0 / (1.0 + exp(-v)); }`,
    step: `
let old = cell[task];
let kept = logistic(${forget}${seen(1, 'old')});
let taken = ${isCoupled ? '1.0 - kept' : `logistic(gate0${seen(0, 'old')})`};
let sum = kept * old + taken * activate(${fresh});
let new_cell = ${clipped};
cell[task] = new_cell;
let result = logistic(${shown}${seen(2, 'new_cell')}) * activate(new_cell);`,
  });
}

export const RECURRENT_LOWERINGS = {
  RNN: rnn<'RNN'>((site) => oneStep(inputOf(site, 0))),
  UNIDIRECTIONAL_SEQUENCE_RNN: rnn<'UNIDIRECTIONAL_SEQUENCE_RNN'>((site) =>
    sequenceOf(inputOf(site, 0), site.options.timeMajor),
  ),
  LSTM: {
    supports: supportsLstm,
    lower: (site, emit) => emitLstm(emit, site, oneStep(inputOf(site, 0))),
  },
  UNIDIRECTIONAL_SEQUENCE_LSTM: {
    supports: supportsLstm,
    lower: (site, emit) =>
      emitLstm(emit, site, sequenceOf(inputOf(site, 0), site.options.timeMajor)),
  },
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
