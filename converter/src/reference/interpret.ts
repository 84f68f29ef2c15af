import {
  type BuiltinNode,
  LinnetError,
  type Model,
  type OpName,
  type OpRecord,
  type OptionsOf,
  opRecord,
  type Subgraph,
  type TensorType,
  type TypedArray,
} from '@linnet/schema';
import { constantValue } from './contents.js';
import { evaluate } from './index.js';
import type { Environment, TensorValue } from './kernel.js';
import { allocate, required, sizeOf, storedZero, tensor } from './values.js';
import { VariableStore } from './variables.js';

/** Calls of subgraphs inside subgraphs that no sane model goes beyond. */
const MAX_CALL_DEPTH = 64;

/** What one instance of a model keeps between runs. */
interface State {
  readonly constants: Map<number, TensorValue>;
  readonly variables: Map<number, TensorValue>;
}

/**
 * Runs the subgraphs of a model on the reference kernels: one node after the other, in file order,
 * and every value dropped after its last use.
 */
export class Interpreter implements Environment {
  readonly variables = new VariableStore();
  private readonly states: readonly State[];
  private readonly lastUses: ReadonlyMap<number, readonly number[]>[];
  private readonly done = new Set<number>();
  private depth = 0;

  /** Throws UNSUPPORTED, with every op that Linnet does not know, when there is one. */
  constructor(private readonly model: Model) {
    rejectForeignOps(model);
    this.states = model.subgraphs.map(() => ({ constants: new Map(), variables: new Map() }));
    this.lastUses = model.subgraphs.map(lastUses);
  }

  runOnce(index: number): void {
    if (this.done.has(index)) return;
    this.done.add(index);
    this.runSubgraph(index, []);
  }

  runSubgraph(index: number, inputs: readonly TensorValue[]): readonly TensorValue[] {
    const subgraph = this.model.subgraphs[index];
    if (!subgraph) throw new LinnetError('INVALID_MODEL', `There is no subgraph ${index}.`);
    if (this.depth >= MAX_CALL_DEPTH) {
      throw new LinnetError('INVALID_MODEL', `Subgraphs call one another ${MAX_CALL_DEPTH} deep.`);
    }
    if (inputs.length !== subgraph.inputs.length) {
      throw new LinnetError(
        'INVALID_MODEL',
        `Subgraph ${subgraph.name || index} takes ${subgraph.inputs.length} inputs, not ${inputs.length}.`,
      );
    }
    this.depth++;
    try {
      return this.runNodes(subgraph, index, inputs);
    } finally {
      this.depth--;
    }
  }

  private runNodes(
    subgraph: Subgraph,
    index: number,
    inputs: readonly TensorValue[],
  ): readonly TensorValue[] {
    const values = new Map<number, TensorValue>();
    for (const [i, id] of subgraph.inputs.entries()) values.set(id, inputs[i]!);
    const lookUp = (id: number) =>
      id < 0 ? null : (values.get(id) ?? this.resident(subgraph, index, id));
    subgraph.operators.forEach((node, position) => {
      if (node.op === null) return;
      const where = {
        subgraph: subgraph.name || String(index),
        node: subgraph.tensors[node.outputs[0] ?? -1]?.name ?? `node ${position}`,
        op: node.op,
      };
      try {
        const declared = node.outputs.map((id) => subgraph.tensors[id]!);
        const results = runNode(node, node.inputs.map(lookUp), declared, this);
        for (const [i, id] of node.outputs.entries()) values.set(id, required(results, i));
      } catch (error) {
        throw error instanceof LinnetError ? error.at(where) : error;
      }
      for (const id of this.lastUses[index]!.get(position) ?? []) values.delete(id);
    });
    return subgraph.outputs.map((id) => required([lookUp(id)], 0));
  }

  /** A constant, or a tensor that keeps its value between runs and starts as zeros. */
  private resident(subgraph: Subgraph, index: number, id: number): TensorValue {
    const declared = subgraph.tensors[id]!;
    const { constants, variables } = this.states[index]!;
    const known = constants.get(id) ?? variables.get(id);
    if (known) return known;
    if (declared.data) {
      const value = constantValue(declared, subgraph.tensors);
      constants.set(id, value);
      return value;
    }
    if (!declared.isVariable) {
      throw new LinnetError('INVALID_MODEL', 'A tensor is read before any node has written it.', {
        tensor: declared.name,
      });
    }
    const shape = declared.shape.map((dim) => (dim < 0 ? 1 : dim));
    const elements = allocate(declared.dtype, sizeOf(shape)).fill(
      storedZero(declared) as never,
    ) as TypedArray;
    const value = { ...tensor({ ...declared, shape }, elements), isVariable: true };
    variables.set(id, value);
    return value;
  }
}

/** Infers what a node makes of its inputs, and makes it. */
function runNode<N extends OpName>(
  node: BuiltinNode & { readonly op: N },
  inputs: readonly (TensorValue | null)[],
  declared: readonly TensorType[],
  environment: Environment,
): readonly TensorValue[] {
  const record: OpRecord<OptionsOf<N>> = opRecord(node.op);
  const options = node.options as OptionsOf<N>;
  const types = record.infer({
    options,
    inputs,
    outputs: declared,
    value: (index) => {
      const elements = inputs[index]?.elements;
      return elements && !Array.isArray(elements) ? (elements as TypedArray) : undefined;
    },
  });
  return evaluate(node.op, options, inputs, types, environment);
}

/** For each node position, the tensors that no later node and no output reads. */
function lastUses(subgraph: Subgraph): Map<number, number[]> {
  const last = new Map<number, number>();
  subgraph.operators.forEach((node, position) => {
    for (const id of [...node.inputs, ...node.outputs]) last.set(id, position);
  });
  for (const id of subgraph.outputs) last.delete(id);
  const result = new Map<number, number[]>();
  for (const [id, position] of last) {
    result.set(position, [...(result.get(position) ?? []), id]);
  }
  return result;
}

function rejectForeignOps(model: Model): void {
  const counts = new Map<string, number>();
  for (const { operators } of model.subgraphs) {
    for (const node of operators) {
      if (node.op !== null) continue;
      counts.set(node.foreignName, (counts.get(node.foreignName) ?? 0) + 1);
    }
  }
  if (counts.size === 0) return;
  throw new LinnetError(
    'UNSUPPORTED',
    `The model has ops outside Linnet's vocabulary.`,
    {},
    [...counts].map(([name, count]) => `${name} (${count} ${count === 1 ? 'node' : 'nodes'})`),
  );
}
