import type { TensorType } from '@linnet/schema';
import type { Graph, GraphNode } from '../model/graph.js';
import type { Known } from '../model/known.js';
import type { Fused } from './lowering.js';

/** A node on its way into a stage. */
export interface Step {
  readonly node: GraphNode;
  readonly fused: Fused;
}

/** What is known of a graph's tensors while some of its nodes are planned. */
/**
 * What one step of planning for a node counts as where work is done in turns, in bytes of weights that are
 * packed meanwhile: in code that hardly ran before, a fraction of a millisecond.
 */
export const NODE_WORK = 2 ** 16;

export class TensorTable {
  readonly #types = new Map<number, TensorType>();
  readonly #known = new Map<number, Known>();

  constructor(readonly graph: Graph) {}

  setType(tensor: number, type: TensorType): void {
    this.#types.set(tensor, type);
  }

  setKnown(tensor: number, known: Known): void {
    this.#known.set(tensor, known);
    this.#types.set(tensor, known.type);
  }

  /** The type found for a tensor of this stage, otherwise as the file declares it. */
  type(tensor: number): TensorType {
    const declared = this.graph.tensors[tensor];
    return this.#types.get(tensor) ?? (declared as NonNullable<typeof declared>).type;
  }

  /** The contents, when they do not depend on anything computed by the stage. */
  known(tensor: number): Known | undefined {
    return this.#known.get(tensor) ?? this.graph.tensors[tensor]?.constant ?? undefined;
  }

  isVariable(tensor: number): boolean {
    return this.graph.tensors[tensor]?.isVariable === true;
  }
}

/** How often each tensor of a graph is used, and by which node last. */
export class Uses {
  readonly #count = new Map<number, number>();
  readonly #last = new Map<number, number>();

  constructor(graph: Graph) {
    graph.nodes.forEach((node, position) => {
      for (const tensor of node.inputs) this.#use(tensor, position);
    });
    for (const tensor of graph.outputs) this.#use(tensor, graph.nodes.length);
  }

  #use(tensor: number, position: number): void {
    this.#count.set(tensor, this.count(tensor) + 1);
    this.#last.set(tensor, position);
  }

  /** Reads by nodes, and as outputs of the graph. */
  count(tensor: number): number {
    return this.#count.get(tensor) ?? 0;
  }

  /** Whether a node at `position` or after, or the graph's caller, reads the tensor. */
  readFrom(tensor: number, position: number): boolean {
    return (this.#last.get(tensor) ?? -1) >= position;
  }
}
