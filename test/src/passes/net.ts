/** Small graphs to rewrite, and what the reference says they compute. */
import assert from 'node:assert/strict';
import { elementCount, type OpName, type OptionsOf, type TensorType } from '@linnet/schema';
import { toModel } from '../../../converter/dist/emit/index.js';
import { GraphBuilder, type NodeExtras } from '../../../converter/dist/graph/builder.js';
import { elementBytes } from '../../../converter/dist/graph/constant.js';
import type { Graph, TensorId } from '../../../converter/dist/graph/graph.js';
import { type DriverOptions, RewriteLog, rewrite } from '../../../converter/dist/passes/driver.js';
import { PHASES } from '../../../converter/dist/passes/index.js';
import type { Phase } from '../../../converter/dist/passes/rule.js';
import type { TensorValue } from '../../../converter/dist/reference/index.js';
import { Interpreter } from '../../../converter/dist/reference/interpret.js';

/** A graph being written down. */
export class Net {
  readonly builder = new GraphBuilder('test');

  /** A float32 input; -1 where a dimension is not known. */
  input(...shape: readonly number[]): TensorId {
    return this.builder.input(`input${this.builder.graph.inputs.length}`, {
      dtype: 'float32',
      shape,
    });
  }

  /** An input of any type. */
  typed(type: TensorType): TensorId {
    return this.builder.input(`input${this.builder.graph.inputs.length}`, type);
  }

  scalar(value: number): TensorId {
    return this.floats([], [value]);
  }

  floats(shape: readonly number[], values: readonly number[] = ramp(shape)): TensorId {
    const data = elementBytes(Float32Array.from(values));
    return this.builder.constant('constant', { dtype: 'float32', shape }, data);
  }

  ints(...values: readonly number[]): TensorId {
    return this.table([values.length], values);
  }

  table(shape: readonly number[], values: readonly number[]): TensorId {
    const data = elementBytes(Int32Array.from(values));
    return this.builder.constant('constant', { dtype: 'int32', shape }, data);
  }

  op<N extends OpName>(
    op: N,
    inputs: readonly (TensorId | null)[],
    options: Partial<OptionsOf<N>> = {},
    extras: NodeExtras = {},
  ): TensorId {
    return this.builder.add(op, inputs, options, extras)[0]!;
  }

  ops<N extends OpName>(
    op: N,
    inputs: readonly (TensorId | null)[],
    options: Partial<OptionsOf<N>> = {},
    extras: NodeExtras = {},
  ): readonly TensorId[] {
    return this.builder.add(op, inputs, options, extras);
  }

  shape(id: TensorId): readonly number[] {
    return this.builder.graph.tensor(id).shape;
  }
}

/** Writes a graph down; answers its outputs. */
export type Build = (net: Net) => TensorId | readonly TensorId[];

export function graphOf(build: Build): Graph {
  const net = new Net();
  const outputs = build(net);
  return net.builder.finish(typeof outputs === 'number' ? [outputs] : outputs);
}

/** Values between -2 and 2 without a pattern, the same each time. */
function ramp(shape: readonly number[]): readonly number[] {
  const length = elementCount(shape) ?? 0;
  return Array.from({ length }, (_, index) => noise(index + length));
}

function noise(seed: number): number {
  const value = Math.sin(seed * 12.9898) * 43758.5453;
  return Math.fround((value - Math.floor(value)) * 4 - 2);
}

/** Values for the inputs of a graph; unknown dimensions are `unknown`. */
export function inputValues(graph: Graph, unknown = 3): readonly TensorValue[] {
  return graph.inputs.map((id, position) => {
    const { dtype, shape } = graph.tensor(id);
    const known = shape.map((dim) => (dim < 0 ? unknown : dim));
    const length = elementCount(known) ?? 0;
    const values = Array.from({ length }, (_, index) => noise(1000 * (position + 1) + index));
    if (dtype === 'float32') return { dtype, shape: known, elements: Float32Array.from(values) };
    assert.equal(dtype, 'int32', 'inputs of tests are float32 or int32');
    return { dtype, shape: known, elements: Int32Array.from(values) };
  });
}

export function evaluate(graph: Graph, inputs: readonly TensorValue[]): readonly TensorValue[] {
  const program = { graphs: [graph], signatures: [], metadata: [], description: '' };
  return new Interpreter(toModel(program)).runSubgraph(0, inputs);
}

/** Asserts that two graphs compute the same, up to `tolerance` of the largest value. */
export function assertSame(before: Graph, after: Graph, tolerance = 1e-6): void {
  const inputs = inputValues(before);
  const [expected, actual] = [evaluate(before, inputs), evaluate(after, inputs)];
  assert.equal(actual.length, expected.length);
  for (const [index, value] of expected.entries()) {
    assert.deepEqual(actual[index]!.shape, value.shape);
    assert.equal(actual[index]!.dtype, value.dtype);
    const [a, b] = [numbers(value), numbers(actual[index]!)];
    const scale = Math.max(...a.map(Math.abs), 1e-30);
    a.forEach((element, at) => {
      const error = Math.abs(element - b[at]!) / scale;
      assert.ok(
        Object.is(element, b[at]) || error <= tolerance,
        `output ${index}[${at}]: ${element} became ${b[at]}`,
      );
    });
  }
}

function numbers({ elements }: TensorValue): number[] {
  return Array.from(elements as ArrayLike<number | bigint>, Number);
}

/** The ops of a graph, in order. */
export function opsOf(graph: Graph): readonly OpName[] {
  return [...graph.nodes].map(({ op }) => op);
}

const RULES = new Map(PHASES.flatMap(({ rules }) => rules).map((rule) => [rule.name, rule]));

/** Applies some rules, by name, to a fixpoint, checking the graph after every patch. */
export function apply(
  graph: Graph,
  names: readonly string[],
  options: DriverOptions = {},
): RewriteLog {
  const rules = names.map((name) => {
    const rule = RULES.get(name);
    assert.ok(rule !== undefined, `there is no rule ${name}`);
    return rule;
  });
  return applyPhases(graph, [{ name: 'test', rules }], options);
}

export function applyPhases(
  graph: Graph,
  phases: readonly Phase[],
  options: DriverOptions = {},
): RewriteLog {
  const log = new RewriteLog();
  rewrite(graph, phases, log, { checkEveryPatch: true, ...options });
  return log;
}
