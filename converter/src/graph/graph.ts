import type { Metadata, OpName, OptionsOf, Sparsity, TensorType } from '@linnet/schema';
import { NodeList } from './node-list.js';

export type TensorId = number;
export type NodeId = number;

/** A value in a graph: an input, a constant (`data` is set) or the output of one node. */
export interface Tensor extends TensorType {
  readonly id: TensorId;
  readonly name: string;
  /** Contents of a constant, laid out as in a TFLite buffer (little-endian, packed); else null. */
  readonly data: Uint8Array | null;
  /** Keeps its value from one run to the next (the state of an LSTM). */
  readonly isVariable: boolean;
  readonly sparsity?: Sparsity;
}

/**
 * The tensors that hold a tensor's blockwise scales and zero points: in a graph, a blockwise
 * quantization names tensor ids where a file has indices.
 */
export function quantizationParameters({ quantization }: TensorType): readonly TensorId[] {
  if (quantization?.kind !== 'blockwise') return [];
  return [quantization.scales, quantization.zeroPoints].filter((id) => id >= 0);
}

/** One application of an op of the vocabulary. Distributes over the ops, so that `op` narrows `options`. */
export type Node<N extends OpName = OpName> = {
  [O in N]: {
    readonly id: NodeId;
    readonly op: O;
    /** Where the node comes from, for messages: the name in the source model. */
    readonly name: string;
    readonly options: OptionsOf<O>;
    /** null where an optional input is left out. */
    readonly inputs: readonly (TensorId | null)[];
    readonly outputs: readonly TensorId[];
    /** Tensors without contents whose quantization steers the kernel (quantized LSTM). */
    readonly intermediates?: readonly TensorId[];
  };
}[N];

/** An entry point with the names that callers use. */
export interface Signature {
  readonly key: string;
  readonly graph: Graph;
  /** Public names, in order, of `graph.inputs` and `graph.outputs`. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}

/** All graphs of a model; the ones that control flow refers to come after the ones signatures name. */
export interface Program {
  readonly graphs: readonly Graph[];
  readonly signatures: readonly Signature[];
  readonly metadata: readonly Metadata[];
  readonly description: string;
}

/** The tensors that a node needs: its inputs and its intermediates. */
export function tensorsReadBy({ inputs, intermediates = [] }: Node): readonly TensorId[] {
  return [...inputs.filter((id) => id !== null), ...intermediates];
}

/**
 * A dataflow graph in topological order, with its producers and consumers indexed.
 *
 * The mutators keep the indices right and nothing else: importers build through GraphBuilder
 * (builder.ts), passes describe their changes as patches (patch.ts, apply.ts), and check.ts says
 * what a well-formed graph is.
 */
export class Graph {
  readonly #tensors = new Map<TensorId, Tensor>();
  readonly #producers = new Map<TensorId, NodeId>();
  readonly #consumers = new Map<TensorId, Set<NodeId>>();
  /** How many tensors name one as the scales or zero points of their blocks. */
  readonly #parameterUses = new Map<TensorId, number>();
  #nextTensor: TensorId = 0;
  #nextNode: NodeId = 0;

  /** In topological order: a node comes after the producers of its inputs. */
  readonly nodes = new NodeList();
  inputs: readonly TensorId[] = [];
  outputs: readonly TensorId[] = [];

  constructor(readonly name: string) {}

  get tensors(): ReadonlyMap<TensorId, Tensor> {
    return this.#tensors;
  }

  /** The ids that the next tensor and the next node get. */
  get nextIds(): { readonly tensor: TensorId; readonly node: NodeId } {
    return { tensor: this.#nextTensor, node: this.#nextNode };
  }

  tensor(id: TensorId): Tensor {
    const tensor = this.#tensors.get(id);
    if (tensor === undefined) throw new RangeError(`graph ${this.name} has no tensor ${id}`);
    return tensor;
  }

  node(id: NodeId): Node {
    const node = this.nodes.get(id);
    if (node === undefined) throw new RangeError(`graph ${this.name} has no node ${id}`);
    return node;
  }

  /** The node whose output the tensor is; undefined for inputs, constants and variables. */
  producer(id: TensorId): Node | undefined {
    const producer = this.#producers.get(id);
    return producer === undefined ? undefined : this.node(producer);
  }

  /** The nodes that read the tensor, each once. */
  consumers(id: TensorId): readonly Node[] {
    return [...(this.#consumers.get(id) ?? [])].map((consumer) => this.node(consumer));
  }

  isOutput(id: TensorId): boolean {
    return this.outputs.includes(id);
  }

  /** Whether anything reads the tensor: a node, whoever runs the graph, or weights it scales. */
  isRead(id: TensorId): boolean {
    return (
      (this.#consumers.get(id)?.size ?? 0) > 0 || this.#parameterUses.has(id) || this.isOutput(id)
    );
  }

  /** Adds or replaces a tensor. */
  setTensor(tensor: Tensor): void {
    this.deleteTensor(tensor.id);
    this.#tensors.set(tensor.id, tensor);
    this.#nextTensor = Math.max(this.#nextTensor, tensor.id + 1);
    this.#countParameters(tensor, 1);
  }

  deleteTensor(id: TensorId): void {
    const tensor = this.#tensors.get(id);
    if (tensor !== undefined) this.#countParameters(tensor, -1);
    this.#tensors.delete(id);
  }

  /** Adds a node before another one, or at the end. */
  addNode(node: Node, before: NodeId | null = null): void {
    if (before === null) this.nodes.append(node);
    else this.nodes.insertBefore(before, node);
    this.#nextNode = Math.max(this.#nextNode, node.id + 1);
    for (const output of node.outputs) this.#producers.set(output, node.id);
    this.#watch(node);
  }

  /** Puts another node of the same id and with the same outputs in a node's place. */
  replaceNode(node: Node): void {
    this.#unwatch(this.node(node.id));
    this.nodes.replace(node);
    this.#watch(node);
  }

  deleteNode(id: NodeId): void {
    const node = this.node(id);
    this.#unwatch(node);
    for (const output of node.outputs) this.#producers.delete(output);
    this.nodes.delete(id);
  }

  #countParameters(tensor: Tensor, by: number): void {
    for (const id of quantizationParameters(tensor)) {
      const uses = (this.#parameterUses.get(id) ?? 0) + by;
      if (uses === 0) this.#parameterUses.delete(id);
      else this.#parameterUses.set(id, uses);
    }
  }

  #watch(node: Node): void {
    for (const input of tensorsReadBy(node)) {
      const consumers = this.#consumers.get(input);
      if (consumers === undefined) this.#consumers.set(input, new Set([node.id]));
      else consumers.add(node.id);
    }
  }

  #unwatch(node: Node): void {
    for (const input of tensorsReadBy(node)) {
      const consumers = this.#consumers.get(input);
      consumers?.delete(node.id);
      if (consumers?.size === 0) this.#consumers.delete(input);
    }
  }
}
