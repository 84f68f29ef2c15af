import { type TensorType, UNKNOWN_DIM } from '@linnet/schema';
import type { Graph, Node, NodeId, TensorId } from '../../graph/graph.js';
import { integers } from '../match.js';
import { FlowNetwork } from './flow.js';
import { type Move, moveOf } from './movable.js';
import { inverse, type Permutation } from './permutation.js';

/** What it costs to transpose a value, in elements; an unknown dimension (a batch) counts as one. */
export function transposedSize({ shape }: TensorType): number {
  return shape.reduce((size, dim) => size * (dim === UNKNOWN_DIM ? 1 : dim), 1);
}

/**
 * The part of a graph round one transpose y = transpose(x, p) in which every node could as well
 * work on dimensions in the order of x: the nodes reachable, up or down, through movable nodes.
 * Values of the region are in the order of y; "moved" is their counterpart in the order of x.
 */
export class Region {
  readonly back: Permutation;
  readonly moves = new Map<NodeId, { readonly node: Node; readonly move: Move }>();
  /** Values that nodes of the region read or make in an order that can move. */
  readonly values = new Set<TensorId>();

  constructor(
    readonly graph: Graph,
    readonly permutation: Permutation,
    start: TensorId,
  ) {
    this.back = inverse(permutation);
    const pending = [start];
    const visit = (id: TensorId) => {
      if (this.values.has(id) || this.graph.tensor(id).shape.length !== permutation.length) return;
      this.values.add(id);
      pending.push(id);
    };
    this.values.add(start);
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      const producer = graph.producer(id);
      for (const node of producer ? [producer, ...graph.consumers(id)] : graph.consumers(id)) {
        this.#enter(node, id, visit);
      }
    }
  }

  /** What is moved already: the input of a transpose by p that makes the value. */
  movedSource(id: TensorId): TensorId | undefined {
    const producer = this.graph.producer(id);
    return producer && this.#transposes(producer, this.permutation)
      ? producer.inputs[0]!
      : undefined;
  }

  /** Whether a node transposes a value of the region back: what it makes is the moved value. */
  movesBack(node: Node): boolean {
    return this.#transposes(node, this.back);
  }

  /**
   * The nodes that should work in the moved order so that the fewest elements are transposed, by
   * minimum cut; empty when things are best as they are.
   */
  bestMoves(): ReadonlySet<NodeId> {
    const network = new FlowNetwork();
    const vertices = new Map<NodeId, number>();
    for (const id of this.moves.keys()) vertices.set(id, network.addVertex());
    let current = 0;
    for (const id of this.values) current += this.#addCosts(network, vertices, id);
    const { cost, sourceSide } = network.minimumCut();
    if (cost >= current) return new Set();
    return new Set([...vertices].filter(([, vertex]) => sourceSide[vertex]).map(([id]) => id));
  }

  /**
   * Adds what a value costs: its size once when it is made in one order and read in the other.
   * The source's side of the cut is the moved order. Answers what the value costs as things are.
   */
  #addCosts(network: FlowNetwork, vertices: ReadonlyMap<NodeId, number>, id: TensorId): number {
    const { graph } = this;
    const { SOURCE, SINK } = FlowNetwork;
    const size = transposedSize(graph.tensor(id));
    const producer = graph.producer(id);
    const maker =
      this.movedSource(id) !== undefined
        ? SOURCE
        : ((producer && vertices.get(producer.id)) ?? SINK);
    const readers = graph.consumers(id).flatMap((reader) => {
      const move = this.moves.get(reader.id)?.move;
      const reads = move?.moving.some((index) => reader.inputs[index] === id);
      if (!this.movesBack(reader)) return [reads ? vertices.get(reader.id)! : SINK];
      // A transpose that is its own inverse may also be a source, and then costs there.
      return this.values.has(reader.outputs[0]!) ? [] : [SOURCE];
    });
    if (graph.isOutput(id)) readers.push(SINK);

    const back = network.addVertex();
    network.addEdge(maker, back, size);
    const forth = network.addVertex();
    network.addEdge(forth, maker, size);
    for (const reader of readers) {
      network.addEdge(back, reader, Infinity);
      network.addEdge(reader, forth, Infinity);
    }
    const isStill = (vertex: number) => vertex !== SOURCE;
    const wanted =
      maker === SOURCE ? readers.some(isStill) : readers.some((vertex) => !isStill(vertex));
    return wanted ? size : 0;
  }

  #enter(node: Node, from: TensorId, visit: (id: TensorId) => void): void {
    if (this.moves.has(node.id)) return;
    const move = moveOf(this.graph, node, this.back);
    if (move === null) return;
    const moving = move.moving.map((index) => node.inputs[index]!);
    const made = move.movesOutputs ? node.outputs : [];
    if (!moving.includes(from) && !made.includes(from)) return;
    this.moves.set(node.id, { node, move });
    for (const id of [...moving, ...made]) visit(id);
  }

  #transposes(node: Node, permutation: Permutation): boolean {
    if (node.op !== 'TRANSPOSE') return false;
    const found = integers(this.graph, node.inputs[1]);
    return found?.join() === permutation.join();
  }
}
