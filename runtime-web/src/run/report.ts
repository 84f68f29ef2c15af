import { isStatic, LinnetError, type OpName, type TensorType, UNKNOWN_DIM } from '@linnet/schema';
import type { GraphReport, OpSupport, PlanReport } from '../api.js';
import type { ExecutableModel, Graph, GraphNode } from '../model/graph.js';
import { type Given, isHostNode } from '../plan/infer.js';
import type { ArenaLayout, PlannedNode, Port, Stage } from '../plan/plan.js';
import type { Planner } from '../plan/planner.js';

/** Plans every graph of a model for its declared shapes, open dimensions counting as 1. */
export function reportPlans(model: ExecutableModel, planner: Planner): PlanReport {
  const constants = model.graphs
    .flatMap((graph) => graph.tensors)
    .reduce((sum, { constant }) => sum + (constant?.bytes.length ?? 0), 0);
  return { graphs: model.graphs.map((graph) => reportGraph(graph, planner)), constants };
}

function reportGraph(graph: Graph, planner: Planner): GraphReport {
  const closed = (tensor: number): TensorType => {
    const type = graph.tensors[tensor]?.type as TensorType;
    return { ...type, shape: type.shape.map((dim) => (dim === UNKNOWN_DIM ? 1 : dim)) };
  };
  const given = new Map<number, Given>();
  const give = (tensor: number) => given.set(tensor, { type: closed(tensor), known: null });
  for (const tensor of graph.inputs) give(tensor);
  const isOpen = graph.inputs.some((tensor) => !isStatic(graph.tensors[tensor]?.type.shape ?? []));
  const survey = () => {
    try {
      return planner.survey(graph, position, given);
    } catch (error) {
      if (!isOpen || !(error instanceof LinnetError)) throw error;
      problem = error.format();
      return undefined;
    }
  };
  const nodes: PlannedNode[] = [];
  const plannedAtRunTime: string[] = [];
  let [stages, arena, arenaLowerBound, position] = [0, 0, 0, 0];
  let problem: string | undefined;
  while (position < graph.nodes.length) {
    const stage = survey();
    if (stage === undefined) break;
    stages += stage.nodes.length > 0 ? 1 : 0;
    for (const { bytes, lowerBound } of arenasOf(stage)) {
      arena += bytes;
      arenaLowerBound += lowerBound;
    }
    nodes.push(...stage.nodes);
    for (const { tensor, type } of outputsOf(stage)) given.set(tensor, { type, known: null });
    for (const [tensor, known] of stage.known) given.set(tensor, { type: known.type, known });
    const node = graph.nodes[stage.end] as GraphNode | undefined;
    if (node !== undefined) {
      if (isHostNode(node))
        nodes.push({ name: node.name, op: node.op, support: 'native', backend: 'wasm' });
      else plannedAtRunTime.push(`${node.op} ${node.name}`);
      for (const tensor of node.outputs) give(tensor);
    }
    position = stage.end + 1;
  }
  return {
    name: graph.name,
    inputShapes: graph.inputs.map((tensor) => closed(tensor).shape),
    stages,
    arena,
    arenaLowerBound,
    ops: countSupport(nodes),
    plannedAtRunTime,
    ...(problem !== undefined && { problem }),
  };
}

/** The working memory of each part of a stage. */
export function arenasOf({ parts }: Stage): readonly ArenaLayout[] {
  return parts.map(({ program }) => program.arena);
}

function outputsOf({ parts }: Stage): readonly Port[] {
  return parts.flatMap(({ program }) => program.segments.flatMap(({ outputs }) => outputs));
}

/** Nodes by op, in the order in which the ops first appear. */
export function countSupport(nodes: readonly PlannedNode[]): readonly OpSupport[] {
  const counts = new Map<OpName, { native: number; viaFloat32: number; unsupported: number }>();
  for (const { op, support } of nodes) {
    const count = counts.get(op) ?? { native: 0, viaFloat32: 0, unsupported: 0 };
    count[support === 'via-float32' ? 'viaFloat32' : support]++;
    counts.set(op, count);
  }
  return [...counts].map(([op, count]) => ({ op, ...count }));
}
