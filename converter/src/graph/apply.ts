import { formatType, invariant, LinnetError, opRecord, type TensorType } from '@linnet/schema';
import {
  type Graph,
  type Node,
  quantizationParameters,
  type Tensor,
  type TensorId,
  tensorsReadBy,
} from './graph.js';
import { inferNode, typeOf, withInputs } from './node.js';
import type { Patch } from './patch.js';
import { refines, sameType } from './types.js';

/** What applying a patch did. */
export interface Change {
  readonly added: readonly Node[];
  readonly removed: readonly Node[];
  /** Constants that came, or went because nothing reads them any more. */
  readonly constantsAdded: readonly Tensor[];
  readonly constantsRemoved: readonly Tensor[];
}

/** Applies a patch: adds, redirects readers, infers types anew where more is known, and removes what nothing reads. */
export function applyPatch(graph: Graph, patch: Patch): Change {
  for (const tensor of patch.tensors) graph.setTensor(tensor);
  for (const { node, before } of patch.nodes) graph.addNode(node, before);

  const sharper: TensorId[] = [];
  for (const [old, by] of patch.replacements) {
    const [was, is] = [graph.tensor(old), graph.tensor(by)];
    const isNewlyKnown = is.data !== null && was.data === null;
    if (sameType(was, is) && !isNewlyKnown) continue;
    invariant(
      refines(is, was),
      `a ${formatType(was)} (${was.name}) may not be replaced by a ${formatType(is)}`,
    );
    sharper.push(by);
  }
  redirect(graph, patch.replacements);
  for (const id of sharper) inferReaders(graph, id);

  const removal = new Removal(graph);
  for (const old of patch.replacements.keys()) removal.release(old);
  for (const { node } of patch.nodes) removal.collect(node);
  for (const tensor of patch.tensors) removal.release(tensor.id);
  return {
    added: patch.nodes.map(({ node }) => node).filter((node) => graph.nodes.has(node.id)),
    removed: removal.nodes,
    constantsAdded: patch.tensors.filter((t) => t.data !== null && graph.tensors.has(t.id)),
    constantsRemoved: removal.constants,
  };
}

/** Removes all nodes and constants that no output needs. */
export function removeDeadCode(graph: Graph): Change {
  const removal = new Removal(graph);
  for (const node of [...graph.nodes].reverse()) removal.collect(node);
  for (const id of [...graph.tensors.keys()]) removal.release(id);
  return {
    added: [],
    removed: removal.nodes,
    constantsAdded: [],
    constantsRemoved: removal.constants,
  };
}

function redirect(graph: Graph, replacements: ReadonlyMap<TensorId, TensorId>): void {
  const resolve = (id: TensorId): TensorId => {
    let resolved = id;
    const seen = new Set<TensorId>();
    for (let next = replacements.get(id); next !== undefined; next = replacements.get(resolved)) {
      invariant(!seen.has(resolved), 'a patch replaces a value by itself');
      seen.add(resolved);
      resolved = next;
    }
    return resolved;
  };
  for (const old of replacements.keys()) {
    for (const reader of graph.consumers(old)) {
      graph.replaceNode(
        withInputs(
          reader,
          reader.inputs.map((id) => (id === null ? null : resolve(id))),
        ),
      );
    }
  }
  graph.outputs = graph.outputs.map(resolve);
}

/** Infers the types downstream of a tensor of which more is known: its type, or its contents. */
function inferReaders(graph: Graph, start: TensorId): void {
  const pending = [start];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const node of graph.consumers(id)) {
      const outputs = node.outputs.map((output) => graph.tensor(output));
      const types = inferTypes(graph, node, outputs);
      outputs.forEach((tensor, index) => {
        const type = types[index]!;
        if (sameType(tensor, type)) return;
        graph.setTensor({ ...tensor, ...typeOf(type) });
        pending.push(tensor.id);
      });
    }
  }
}

function inferTypes(graph: Graph, node: Node, outputs: readonly Tensor[]): readonly TensorType[] {
  try {
    const inputs = node.inputs.map((id) => (id === null ? null : graph.tensor(id)));
    return inferNode(node, inputs, outputs);
  } catch (error) {
    if (error instanceof LinnetError) throw error.at({ subgraph: graph.name });
    throw error;
  }
}

/** Whether a node may do more than make its outputs: itself, or in the graphs that it calls. */
function mayHaveEffects({ op }: Node): boolean {
  return opRecord(op).sideEffect === true || op === 'IF' || op === 'WHILE';
}

/** Removes nodes and constants that lost their last reader, and what only they read. */
class Removal {
  readonly nodes: Node[] = [];
  readonly constants: Tensor[] = [];

  constructor(readonly graph: Graph) {}

  /** Removes the tensor, if nothing reads it, with the node that makes it. */
  release(start: TensorId): void {
    const { graph } = this;
    const pending = [start];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      const tensor = graph.tensors.get(id);
      if (tensor === undefined || graph.isRead(id) || graph.inputs.includes(id)) continue;
      const producer = graph.producer(id);
      if (producer === undefined) {
        if (tensor.data !== null) this.constants.push(tensor);
        graph.deleteTensor(id);
        pending.push(...quantizationParameters(tensor));
      } else if (this.#isDead(producer)) {
        pending.push(...this.#remove(producer));
      }
    }
  }

  /** Removes the node if nothing reads its outputs. */
  collect(node: Node): void {
    if (!this.graph.nodes.has(node.id) || !this.#isDead(node)) return;
    for (const input of this.#remove(node)) this.release(input);
  }

  #isDead(node: Node): boolean {
    return !mayHaveEffects(node) && !node.outputs.some((id) => this.graph.isRead(id));
  }

  #remove(node: Node): TensorId[] {
    this.graph.deleteNode(node.id);
    for (const output of node.outputs) this.graph.deleteTensor(output);
    this.nodes.push(node);
    return [...tensorsReadBy(node)];
  }
}
