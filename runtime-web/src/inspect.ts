/** What planning makes of a model that is not run. */

import {
  isStatic,
  LinnetError,
  type TensorType,
  UNKNOWN_DIM,
  type Vocabulary,
} from '@linnet/schema';
import type { GraphReport, PlanReport } from './api.js';
import { inTurns } from './base.js';
import { gpuCode } from './gpu-code.js';
import type { InspectOptions } from './load-options.js';
import type { ExecutableModel, Graph, GraphNode } from './model/graph.js';
import { Resources } from './model/resources.js';
import type { DeviceTarget } from './plan/backend.js';
import { notMeasured } from './plan/choice.js';
import { type Given, isHostNode } from './plan/infer.js';
import type { PlannedNode, Port, Stage } from './plan/plan.js';
import { Planner } from './plan/planner.js';
import { readExecutable } from './prepare.js';
import { arenasOf, countSupport, handoversOf } from './run/report.js';
import { WasmBackend } from './wasm/backend.js';
import type { Kernels } from './wasm/kernels.js';
import { LEAST_TRAITS } from './webgpu/traits.js';

/** See `inspectPlan`. */
export async function inspect(
  bytes: Uint8Array,
  kernels: Kernels,
  { backend, signal, externalFiles }: InspectOptions,
): Promise<PlanReport> {
  const { vocabulary, ops, model } = await readExecutable(bytes, externalFiles);
  const host = await WasmBackend.create({ kernels, ops, constantBytes: 0, signal });
  try {
    const device = backend === 'webgpu' ? await anyGpu(vocabulary) : null;
    return await reportPlans(
      model,
      new Planner(model, { host, device }, new Resources(), notMeasured),
    );
  } finally {
    host.dispose();
  }
}

/** What is planned for where there need be no GPU. */
async function anyGpu(vocabulary: Vocabulary): Promise<DeviceTarget> {
  const { ShaderTarget, loadShaders } = await gpuCode();
  return new ShaderTarget(LEAST_TRAITS, await loadShaders(vocabulary));
}

/** Plans every graph of a model for its declared shapes, open dimensions counting as 1. */
async function reportPlans(model: ExecutableModel, planner: Planner): Promise<PlanReport> {
  const constants = model.graphs
    .flatMap((graph) => graph.tensors)
    .reduce((sum, { constant }) => sum + (constant?.size ?? 0), 0);
  const graphs: GraphReport[] = [];
  for (const graph of model.graphs) graphs.push(await reportGraph(graph, planner));
  return { graphs, constants };
}

async function reportGraph(graph: Graph, planner: Planner): Promise<GraphReport> {
  const closed = (tensor: number): TensorType => {
    const type = graph.tensors[tensor]?.type as TensorType;
    return { ...type, shape: type.shape.map((dim) => (dim === UNKNOWN_DIM ? 1 : dim)) };
  };
  const given = new Map<number, Given>();
  const give = (tensor: number) => given.set(tensor, { type: closed(tensor), known: null });
  for (const tensor of graph.inputs) give(tensor);
  const isOpen = graph.inputs.some((tensor) => !isStatic(graph.tensors[tensor]?.type.shape ?? []));
  const survey = async () => {
    try {
      return await inTurns(planner.survey(graph, position, given));
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
    const stage = await survey();
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

function outputsOf({ parts }: Stage): readonly Port[] {
  return parts.flatMap(({ program }) => program.segments.flatMap(({ outputs }) => outputs));
}
