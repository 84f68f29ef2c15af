import { isStatic, LinnetError, type TensorType, UNKNOWN_DIM } from '@linnet/schema';
import type { GraphReport, Handovers, OpSupport, PlanReport } from '../api.js';
import type { ExecutableModel, Graph, GraphNode } from '../model/graph.js';
import { type Given, isHostNode } from '../plan/infer.js';
import type { ArenaLayout, PlannedNode, Port, Stage, Support } from '../plan/plan.js';
import type { Planner } from '../plan/planner.js';

/** Plans every graph of a model for its declared shapes, open dimensions counting as 1. */
export function reportPlans(model: ExecutableModel, planner: Planner): PlanReport {
  const constants = model.graphs
    .flatMap((graph) => graph.tensors)
    .reduce((sum, { constant }) => sum + (constant?.size ?? 0), 0);
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
  const handovers = { tensors: 0, bytes: 0 };
  let problem: string | undefined;
  while (position < graph.nodes.length) {
    const stage = survey();
    if (stage === undefined) break;
    stages += stage.nodes.length > 0 ? 1 : 0;
    for (const { bytes, lowerBound } of arenasOf(stage)) {
      arena += bytes;
      arenaLowerBound += lowerBound;
    }
    const { tensors, bytes } = handoversOf(stage);
    handovers.tensors += tensors;
    handovers.bytes += bytes;
    nodes.push(...stage.nodes);
    for (const { tensor, type } of outputsOf(stage)) given.set(tensor, { type, known: null });
    for (const [tensor, known] of stage.known) given.set(tensor, { type: known.type, known });
    const node = graph.nodes[stage.end] as GraphNode | undefined;
    if (node !== undefined) {
      if (isHostNode(node))
        nodes.push({
          name: node.name,
          op: node.op,
          support: 'native',
          backend: 'wasm',
          whyOnHost: null,
          choices: [],
        });
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
    handovers,
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

/** What passes between the backends of a stage in one run. */
export function handoversOf({ parts }: Stage): Handovers {
  const device = parts.find(({ target }) => target.name === 'webgpu');
  const segments = device?.program.segments ?? [];
  const ports = segments.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  return { tensors: ports.length, bytes: ports.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Nodes by op, in the order in which the ops first appear. */
export function countSupport(nodes: readonly PlannedNode[]): readonly OpSupport[] {
  const ops = [...new Set(nodes.map(({ op }) => op))];
  return ops.map((op) => {
    const mine = nodes.filter((node) => node.op === op);
    const count = (support: Support) => mine.filter((node) => node.support === support).length;
    return {
      op,
      native: count('native'),
      viaFloat32: count('via-float32'),
      unsupported: count('unsupported'),
      onGpu: mine.filter(({ backend }) => backend === 'webgpu').length,
      whyNotOnGpu: [...new Set(mine.flatMap(({ whyOnHost }) => whyOnHost ?? []))],
    };
  });
}
