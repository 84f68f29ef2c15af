/** Transposes move through what does not mind the order of dimensions, and cancel. */
import type { Graph, Node, NodeId, TensorId } from '../../graph/graph.js';
import { type Patch, PatchBuilder } from '../../graph/patch.js';
import { integers } from '../match.js';
import { defineRule, type Rule } from '../rule.js';
import { moveOf } from './movable.js';
import { inverse, type Permutation } from './permutation.js';
import { Region, transposedSize } from './region.js';

const moveTransposes = defineRule({
  name: 'move-transposes',
  rewrite: 'transpose(f(transpose(x, p)), 1/p) -> f(x), by the cut that transposes least',
  roots: ['TRANSPOSE'],
  apply(graph, node) {
    const permutation = integers(graph, node.inputs[1]);
    if (permutation === undefined) return null;
    // Round its output the transpose is a source; round its input, read backwards, a sink.
    return (
      improve(graph, node, new Region(graph, permutation, node.outputs[0]!)) ??
      improve(graph, node, new Region(graph, inverse(permutation), node.inputs[0]!))
    );
  },
});

function improve(graph: Graph, root: Node, region: Region): Patch | null {
  const chosen = region.bestMoves();
  return chosen.size === 0 ? null : new Mover(graph, root, region, chosen).patch();
}

/** Builds the chosen nodes of a region anew in the moved order. */
class Mover {
  readonly #patch: PatchBuilder;
  readonly #moved = new Map<TensorId, TensorId>();
  readonly #replaced = new Set<TensorId>();
  /** Elements that new transposes move. */
  #spent = 0;

  constructor(
    readonly graph: Graph,
    root: Node,
    readonly region: Region,
    readonly chosen: ReadonlySet<NodeId>,
  ) {
    this.#patch = new PatchBuilder(graph, root);
  }

  patch(): Patch | null {
    for (const node of this.graph.nodes) {
      if (this.chosen.has(node.id)) this.#rebuild(node);
    }
    // The patch must transpose less than before, whatever the model of costs said: so it ends.
    return this.#spent < this.#saved() ? this.#patch.done() : null;
  }

  /** Elements that transposes moved which nothing needs any more. */
  #saved(): number {
    let saved = 0;
    for (const node of this.graph.nodes) {
      const [output] = node.outputs;
      if (node.op !== 'TRANSPOSE' || output === undefined) continue;
      const isGone =
        this.#replaced.has(output) ||
        (this.region.movedSource(output) !== undefined &&
          !this.graph.isOutput(output) &&
          this.graph.consumers(output).every((reader) => this.chosen.has(reader.id)));
      if (isGone) saved += transposedSize(this.graph.tensor(output));
    }
    return saved;
  }

  #rebuild(node: Node): void {
    const { move } = this.region.moves.get(node.id)!;
    const inputs = node.inputs.map((id, index) =>
      id !== null && move.moving.includes(index) ? this.#movedInput(id, node) : id,
    );
    const outputs = move.build(this.#patch, inputs);
    outputs.forEach((made, index) => {
      const id = node.outputs[index]!;
      if (move.movesOutputs) this.#publish(id, made, node);
      else this.#replace(id, made);
    });
  }

  /** A moved value: made by a node of the region, by the transpose before it, or by a new one. */
  #movedInput(id: TensorId, reader: Node): TensorId {
    const known = this.#moved.get(id) ?? this.region.movedSource(id);
    const moved = known ?? this.#transpose(id, this.region.back, reader);
    this.#moved.set(id, moved);
    return moved;
  }

  /** Gives a moved value to those who want it moved, and its transpose to the others. */
  #publish(id: TensorId, moved: TensorId, maker: Node): void {
    this.#moved.set(id, moved);
    let isWantedStill = this.graph.isOutput(id);
    for (const reader of this.graph.consumers(id)) {
      if (this.region.movesBack(reader)) this.#replace(reader.outputs[0]!, moved);
      else if (!this.chosen.has(reader.id) || this.#readsStill(reader, id)) isWantedStill = true;
    }
    if (isWantedStill) {
      this.#replace(id, this.#transpose(moved, this.region.permutation, maker));
    }
  }

  #readsStill(reader: Node, id: TensorId): boolean {
    const { move } = this.region.moves.get(reader.id)!;
    return reader.inputs.some((input, index) => input === id && !move.moving.includes(index));
  }

  #replace(old: TensorId, by: TensorId): void {
    this.#replaced.add(old);
    this.#patch.replace(old, by);
  }

  #transpose(id: TensorId, permutation: Permutation, before: Node): TensorId {
    const inputs = [id, this.#patch.ints('permutation', permutation)];
    this.#spent += transposedSize(this.#patch.tensor(id));
    return this.#patch.node('TRANSPOSE', inputs, {}, { before });
  }
}

/** A transpose that is left, and why. */
export interface TransposeLeft {
  readonly node: string;
  readonly permutation: readonly number[] | null;
  readonly reason: string;
}

/** Every transpose of a graph with the reason why it is still there. */
export function transposesLeft(graph: Graph): TransposeLeft[] {
  const left: TransposeLeft[] = [];
  for (const node of graph.nodes) {
    if (node.op !== 'TRANSPOSE') continue;
    const permutation = integers(graph, node.inputs[1]) ?? null;
    left.push({ node: node.name, permutation, reason: reasonFor(graph, node, permutation) });
  }
  return left;
}

function reasonFor(graph: Graph, node: Node, permutation: Permutation | null): string {
  if (permutation === null) return 'its permutation is computed at run time';
  const producer = graph.producer(node.inputs[0]!);
  const source =
    producer?.op ?? (graph.inputs.includes(node.inputs[0]!) ? 'an input' : 'a constant');
  const readers = graph.consumers(node.outputs[0]!);
  const fixed = readers.filter((reader) => moveOf(graph, reader, inverse(permutation)) === null);
  const names = [...new Set(fixed.map((reader) => reader.op))];
  if (graph.isOutput(node.outputs[0]!)) return `turns ${source} into an output of the model`;
  if (names.length > 0) return `${names.join(', ')} reads ${source} in this order of dimensions`;
  const movable = [...new Set(readers.map((reader) => reader.op))].join(', ');
  return `moving it past ${movable} would transpose as much elsewhere`;
}

export const LAYOUT_RULES: readonly Rule[] = [moveTransposes];
