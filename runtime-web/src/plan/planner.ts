import { LinnetError, recordOf } from '@linnet/schema';
import type { ExecutableModel, Graph, GraphNode, GraphTensor } from '../model/graph.js';
import { Known } from '../model/known.js';
import type { Resources } from '../model/resources.js';
import { StageAssembly } from './assembly.js';
import type { Target, Targets } from './backend.js';
import type { Overrule } from './choice.js';
import { fuse } from './fuse.js';
import { type Given, inferStage, isHostNode } from './infer.js';
import { lifetimes } from './liveness.js';
import { conversionNode, StageBuilder } from './lower.js';
import { inOneRun } from './place.js';
import type { PlannedNode, Stage } from './plan.js';
import { NODE_WORK, type Step, TensorTable, Uses } from './step.js';
import { expandedType } from './types.js';
import type { Views } from './views.js';

/** Plans the stages of one model instance. */
export class Planner {
  readonly #uses: readonly Uses[];
  /** Float32 forms of constants, by the constants' ids. */
  readonly #expansions = new Map<string, Known | null>();
  /** Results of nodes that depend on constants alone, by the output's id. */
  readonly #folded = new Map<string, readonly Known[] | null>();

  constructor(
    readonly model: ExecutableModel,
    readonly targets: Targets,
    readonly resources: Resources,
    /** What has been measured about decisions. */
    readonly overrule: Overrule,
  ) {
    this.#uses = model.graphs.map((graph) => new Uses(graph));
  }

  uses(graph: Graph): Uses {
    return this.#uses[graph.index] as Uses;
  }

  /**
   * The stage that begins at node `from`, in parts that yield the work that is done.
   *
   * @param given what the host holds, by tensor
   * @throws LinnetError of code INVALID_MODEL, UNSUPPORTED (all nodes without a kernel at once) or
   * OUT_OF_MEMORY
   */
  async *plan(
    graph: Graph,
    from: number,
    given: ReadonlyMap<number, Given>,
  ): AsyncGenerator<number, Stage> {
    const stage = yield* this.survey(graph, from, given);
    const unsupported = stage.nodes.filter(({ support }) => support === 'unsupported');
    if (unsupported.length > 0) throw noKernel(unsupported, graph);
    return stage;
  }

  /** Like plan, but nodes without a kernel are reported in the stage, which then cannot run. */
  async *survey(
    graph: Graph,
    from: number,
    given: ReadonlyMap<number, Given>,
  ): AsyncGenerator<number, Stage> {
    const uses = this.uses(graph);
    const { steps, tensors, end, needs } = yield* inferStage(graph, from, given, {
      records: this.model.records,
      resources: this.resources,
      evaluate: (node, table) => this.#evaluate(node, table),
    });
    const isWanted = (tensor: number) => uses.readFrom(tensor, end) || needs.includes(tensor);
    const { host, device } = this.targets;
    const builderFor = (target: Target, homes?: Views['homes']) =>
      new StageBuilder(tensors, target, (known) => this.#expand(known), this.overrule, homes);
    const onHost = builderFor(host);
    const offloaded = device && builderFor(device);
    const accepts = (step: Step) =>
      [onHost, offloaded].every((builder) => builder === null || builder.accepts(step));
    const { fusions, findViews } = host.rewrites;
    const fused = this.#liveSteps(fuse(steps, tensors, uses, accepts, fusions), tensors, isWanted);
    yield NODE_WORK;
    // What passes between backends, and what shaders bind, are whole tensors.
    const { steps: live, homes } =
      device === null && findViews !== null
        ? findViews(fused, tensors, uses, {
            canPitch: (step) => host.canPitch(step.node.op) && onHost.support(step) === 'native',
            isAlias: (step) => onHost.isAlias(step),
            isWanted,
          })
        : { steps: fused, homes: new Map() };
    const hosted = builderFor(host, homes);
    const runs =
      device === null || offloaded === null
        ? inOneRun(live, host)
        : await device.divide(live, tensors, hosted, offloaded);
    yield NODE_WORK;
    const assembly = new StageAssembly(
      graph,
      tensors,
      offloaded ? [hosted, offloaded] : [hosted],
      isWanted,
    );
    yield* assembly.lower(runs);
    assembly.addOutputs(host, stateReadAt(graph, end, needs).filter(isWanted));
    return {
      ...assembly.finish(),
      known: this.#knownResults(graph, from, end, tensors, isWanted),
      end,
      needs,
    };
  }

  /**
   * Lets go of all constants but `kept`, once nothing remains to be planned: the backends have what
   * they need of them in the form that kernels read.
   */
  release(kept: ReadonlySet<Known>): void {
    for (const { constant } of this.model.graphs.flatMap(({ tensors }) => tensors)) {
      if (constant !== null && !kept.has(constant)) constant.release();
    }
    this.#expansions.clear();
    this.#folded.clear();
  }

  /** Results of the nodes from `from` to `end` that planning has found and others read. */
  #knownResults(
    graph: Graph,
    from: number,
    end: number,
    tensors: TensorTable,
    isWanted: (tensor: number) => boolean,
  ): ReadonlyMap<number, Known> {
    const found = new Map<number, Known>();
    for (const tensor of graph.nodes.slice(from, end).flatMap(({ outputs }) => outputs)) {
      const known = tensors.known(tensor);
      if (known !== undefined && isWanted(tensor)) found.set(tensor, known);
    }
    return found;
  }

  /** The steps whose results are wanted, directly or by others, and those that change state. */
  #liveSteps(
    steps: readonly Step[],
    tensors: TensorTable,
    isWanted: (tensor: number) => boolean,
  ): readonly Step[] {
    const read = new Set<number>();
    const live = steps.toReversed().filter(({ node }) => {
      const needed =
        node.outputs.some((tensor) => isWanted(tensor) || read.has(tensor)) ||
        node.inputs.some((tensor) => tensors.isVariable(tensor)) ||
        recordOf(this.model.records, node.op).sideEffect === true;
      if (needed) for (const tensor of node.inputs) read.add(tensor);
      return needed;
    });
    return live.reverse();
  }

  /** The results of a node by its own kernels, while planning; null without kernels. */
  #evaluate(node: GraphNode, tensors: TensorTable): readonly Known[] | null {
    const inputs = node.inputs.filter((tensor) => tensor >= 0);
    // What follows from constants alone is the same in every plan.
    const isShared = inputs.every((tensor) => (tensors.known(tensor)?.id ?? null) !== null);
    const idOf = (tensor: number) => (isShared ? `${tensors.graph.index}:${tensor}` : null);
    const key = idOf(node.outputs[0] as number);
    const earlier = key === null ? undefined : this.#folded.get(key);
    if (earlier !== undefined) return earlier;
    const results = this.#run(node, tensors, idOf, (known) => this.#expand(known));
    if (key !== null) this.#folded.set(key, results);
    return results;
  }

  #run(
    node: GraphNode,
    tensors: TensorTable,
    idOf: (tensor: number) => string | null,
    expand: (known: Known) => Known | null,
  ): readonly Known[] | null {
    const { host } = this.targets;
    const builder = new StageBuilder(tensors, host, expand, this.overrule);
    if (builder.lower({ node, fused: {} }) === 'unsupported') return null;
    const outputs = node.outputs.map((tensor) => builder.port(tensor));
    const { buffers } = builder;
    const segments = [{ calls: builder.takeCalls(), inputs: [], outputs }];
    const arena = host.layOut(lifetimes(buffers, segments));
    const results = host.evaluate({ buffers, segments, arena });
    return outputs.map(
      ({ tensor, type }, i) => new Known(idOf(tensor), type, results[i] as Uint8Array),
    );
  }

  #expand(known: Known): Known | null {
    const earlier = known.id === null ? undefined : this.#expansions.get(known.id);
    if (earlier !== undefined) return earlier;
    const type = expandedType(known.type);
    if (type === null) return null;
    const source: GraphTensor = { name: '', type: known.type, constant: known, isVariable: false };
    const target: GraphTensor = { name: '', type, constant: null, isVariable: false };
    const node = {
      ...conversionNode(known.type, type),
      inputs: [0],
      outputs: [1],
      intermediates: [],
      name: '',
    } as GraphNode;
    const tensors = [source, target];
    const graph = { index: -1, name: '', tensors, nodes: [node], inputs: [], outputs: [1] };
    const id = known.id === null ? null : `${known.id}:float32`;
    // A conversion that has no kernel of its own cannot be had by way of conversions.
    const [expanded = null] =
      this.#run(
        node,
        new TensorTable(graph),
        () => id,
        () => null,
      ) ?? [];
    if (known.id !== null) this.#expansions.set(known.id, expanded);
    return expanded;
  }
}

/** The tensors that keep their value between runs which the graph's caller or the host reads. */
function stateReadAt(graph: Graph, end: number, needs: readonly number[]): readonly number[] {
  const node = graph.nodes[end];
  const reads = node === undefined ? graph.outputs : isHostNode(node) ? node.inputs : needs;
  return [...new Set(reads)].filter((tensor) => graph.tensors[tensor]?.isVariable);
}

function noKernel(nodes: readonly PlannedNode[], graph: Graph): LinnetError {
  const lines = nodes.map(({ name, op }) => {
    const node = graph.nodes.find((candidate) => candidate.name === name && candidate.op === op);
    const types = (node?.inputs ?? []).map((tensor) => graph.tensors[tensor]?.type.dtype ?? 'none');
    return `${op} ${name} on ${types.join(', ')}`;
  });
  return new LinnetError(
    'UNSUPPORTED',
    'The runtime has no kernel for some nodes with these element types and options.',
    { subgraph: graph.name },
    [...lines.slice(0, 20), ...(lines.length > 20 ? [`and ${lines.length - 20} more`] : [])],
  );
}
