import type { Model } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { numberTensors, toModel } from '../emit/index.js';
import { withGraphs } from '../graph/clone.js';
import type { Graph, NodeId, Program, TensorId } from '../graph/graph.js';

/** A graph as part of a program that can run: one that a signature names. */
export class GraphRun {
  readonly model: Model;
  readonly #nodes: ReadonlyMap<NodeId, number>;
  readonly #tensors: ReadonlyMap<TensorId, number>;

  /**
   * @param program whose graph at `index` is replaced by `graph`
   * @param signature key of the signature that names the graph
   */
  constructor(
    program: Program,
    index: number,
    readonly graph: Graph,
    readonly signature: string,
  ) {
    const graphs = program.graphs.map((other, i) => (i === index ? graph : other));
    this.model = toModel(withGraphs(program, graphs));
    this.#nodes = new Map([...graph.nodes].map(({ id }, position) => [id, position]));
    this.#tensors = numberTensors(graph);
  }

  /** A TFLite file. */
  get bytes(): Uint8Array {
    return write(this.model);
  }

  /** The index that a node has in the file. */
  nodeIndex(id: NodeId): number {
    return this.#nodes.get(id)!;
  }

  /** The index that a tensor has in the file. */
  tensorIndex(id: TensorId): number {
    return this.#tensors.get(id)!;
  }
}
