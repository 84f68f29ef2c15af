import {
  inferTypesBy,
  isStatic,
  LinnetError,
  type OpName,
  type OpRecord,
  type OpRecords,
  type OpSite,
  recordOf,
  type TensorType,
} from '@linnet/schema';
import type { Graph, GraphNode } from '../model/graph.js';
import { Known } from '../model/known.js';
import type { Resources } from '../model/resources.js';
import { storageBytes } from '../model/storage.js';
import { NODE_WORK, type Step, TensorTable } from './step.js';

/** A tensor that the host holds when a stage begins. */
export interface Given {
  readonly type: TensorType;
  /** Its contents, when planning may depend on them. */
  readonly known: Known | null;
}

export interface Inference {
  readonly steps: readonly Step[];
  readonly tensors: TensorTable;
  /** See Stage. */
  readonly end: number;
  readonly needs: readonly number[];
}

/** Evaluates a node whose results are known before a run; null when it cannot. */
export type Evaluate = (node: GraphNode, tensors: TensorTable) => readonly Known[] | null;

/** What a graph's types are told by. */
export interface InferenceContext {
  readonly records: OpRecords;
  readonly resources: Resources;
  readonly evaluate: Evaluate;
}

/** Ops that the host carries out between stages. */
export type HostOp = 'IF' | 'WHILE' | 'CALL_ONCE' | 'READ_VARIABLE' | 'ASSIGN_VARIABLE';

const HOST_OPS: readonly OpName[] = [
  'IF',
  'WHILE',
  'CALL_ONCE',
  'READ_VARIABLE',
  'ASSIGN_VARIABLE',
] satisfies HostOp[];

export type HostNode = Extract<GraphNode, { op: HostOp }>;

export function isHostNode(node: GraphNode): node is HostNode {
  return HOST_OPS.includes(node.op);
}

/** Folding may make a constant this large, or a few times larger than what it is made from. */
const FOLD_BYTES = 64 * 1024;
const FOLD_RATIO = 4;

/**
 * The types of all tensors from node `from` on, as far as they follow from the types and known
 * values of what is given; nodes whose results are known on the way are done away with. Yields the work that
 * is done.
 *
 * @throws LinnetError of code INVALID_MODEL or OUT_OF_MEMORY where shapes do not fit
 */
export function* inferStage(
  graph: Graph,
  from: number,
  given: ReadonlyMap<number, Given>,
  { records, resources, evaluate }: InferenceContext,
): Generator<number, Inference> {
  const tensors = new TensorTable(graph);
  for (const [tensor, { type, known }] of given) {
    tensors.setType(tensor, type);
    if (known !== null) tensors.setKnown(tensor, known);
  }
  const steps: Step[] = [];
  for (let position = from; position < graph.nodes.length; position++) {
    const node = graph.nodes[position] as GraphNode;
    if (isHostNode(node)) return { steps, tensors, end: position, needs: [] };
    try {
      const needs = inferNode(node, tensors, records);
      if (needs.length > 0) return { steps, tensors, end: position, needs };
      if (!resolve(node, tensors, resources, evaluate)) steps.push({ node, fused: {} });
    } catch (error) {
      const where = { subgraph: graph.name, node: node.name, op: node.op };
      throw error instanceof LinnetError ? error.at(where) : error;
    }
    yield NODE_WORK;
  }
  return { steps, tensors, end: graph.nodes.length, needs: [] };
}

/** Sets the types of a node's outputs; answers the tensors whose values it takes to tell them. */
function inferNode(node: GraphNode, tensors: TensorTable, records: OpRecords): readonly number[] {
  const record = recordOf(records, node.op) as OpRecord<never>;
  const unknown = (indices: readonly number[]) =>
    indices
      .map((index) => node.inputs[index] ?? -1)
      .filter((tensor) => tensor >= 0 && tensors.known(tensor) === undefined);
  const every = node.inputs.map((_, index) => index);
  const missing = unknown(record.dataDependent ? every : (record.valueInputs ?? []));
  if (missing.length > 0) return missing;
  const site: OpSite<never> = {
    options: node.options as never,
    inputs: node.inputs.map((tensor) => (tensor < 0 ? null : tensors.type(tensor))),
    outputs: node.outputs.map((tensor) => tensors.type(tensor)),
    value: (index) => tensors.known(node.inputs[index] ?? -1)?.elements,
  };
  const types = inferTypesBy(record, node.op, site);
  if (!types.every(({ shape }) => isStatic(shape))) {
    const rest = unknown(every);
    if (rest.length > 0) return rest;
    throw new LinnetError('UNSUPPORTED', 'The sizes of its outputs cannot be told.');
  }
  types.forEach((type, index) => {
    storageBytes(type);
    tensors.setType(node.outputs[index] as number, type);
  });
  return [];
}

/** Ops whose results depend on the types of their inputs alone. */
const FOLLOW_FROM_TYPES: readonly OpName[] = ['SHAPE', 'RANK'];

/** Finds a node's results while planning, where that can be done; false when it must run. */
function resolve(
  node: GraphNode,
  tensors: TensorTable,
  resources: Resources,
  evaluate: Evaluate,
): boolean {
  const inputs = node.inputs.filter((tensor) => tensor >= 0);
  const known = inputs.flatMap((tensor) => tensors.known(tensor) ?? []);
  const output = node.outputs[0] as number;
  switch (node.op) {
    case 'VAR_HANDLE': {
      const handle = resources.handle(node.options.container, node.options.sharedName);
      const id = `variable:${handle}`;
      tensors.setKnown(output, Known.of(id, tensors.type(output), Int32Array.of(handle)));
      return true;
    }
    case 'DENSIFY': {
      // Sparse constants are dense by the time a model is executable.
      const [source] = known;
      if (source === undefined) {
        throw new LinnetError('UNSUPPORTED', 'Only constants can be expanded from a sparse form.');
      }
      tensors.setKnown(output, new Known(source.id, tensors.type(output), source.bytes));
      return true;
    }
    default:
  }
  const isKnown = known.length === inputs.length || FOLLOW_FROM_TYPES.includes(node.op);
  if (!isKnown || inputs.some((tensor) => tensors.isVariable(tensor))) return false;
  const bytes = (list: readonly number[]) =>
    list.reduce((sum, tensor) => sum + storageBytes(tensors.type(tensor)), 0);
  if (bytes(node.outputs) > Math.max(FOLD_BYTES, FOLD_RATIO * bytes(inputs))) return false;
  const results = evaluate(node, tensors);
  results?.forEach((result, index) => {
    tensors.setKnown(node.outputs[index] as number, result);
  });
  return results !== null;
}
