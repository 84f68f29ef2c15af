import type { Quantization, TensorType } from '@linnet/schema';
import { GraphBuilder } from '../graph/builder.js';
import type { Graph, Node, NodeId, Tensor, TensorId } from '../graph/graph.js';

/**
 * A graph that is made anew from another, node by node, with some values stored in another way.
 * Constants are copied when something first reads them, so that those nobody reads stay behind.
 */
export class GraphCopy {
  readonly builder: GraphBuilder;
  /** By tensor of the old graph, the one that holds the same value as it was stored there. */
  readonly #same = new Map<TensorId, TensorId>();
  /** By node of the old graph, the one that was made of it. */
  readonly nodes = new Map<NodeId, NodeId>();

  constructor(readonly from: Graph) {
    this.builder = new GraphBuilder(from.name);
  }

  /** The new tensor with the value of an old one; undefined while there is none. */
  find(id: TensorId): TensorId | undefined {
    return this.#same.get(id) ?? this.#copyConstant(id);
  }

  set(old: TensorId, id: TensorId): void {
    this.#same.set(old, id);
  }

  /** Adds a node with the old one's name, whose outputs keep their names and shapes. */
  node(
    node: Node,
    inputs: readonly (TensorId | null)[],
    types: readonly TensorType[],
  ): readonly TensorId[] {
    const intermediates = node.intermediates?.map((id) => this.from.tensor(id));
    this.nodes.set(node.id, this.builder.graph.nextIds.node);
    const ids = this.builder.add(node.op, inputs, node.options, {
      name: node.name,
      outputs: types,
      ...(intermediates && { intermediates }),
    });
    ids.forEach((id, index) => {
      const { name, shape } = this.from.tensor(node.outputs[index]!);
      this.builder.graph.setTensor({ ...this.builder.type(id), name, shape });
    });
    return ids;
  }

  #copyConstant(id: TensorId): TensorId | undefined {
    const tensor = this.from.tensor(id);
    if (tensor.data === null && !tensor.isVariable) return undefined;
    const type = { ...tensor, ...this.#quantization(tensor) };
    const copied = tensor.isVariable
      ? this.builder.variable(tensor.name, type)
      : this.builder.constant(
          tensor.name,
          type,
          tensor.data!,
          tensor.sparsity && { sparsity: tensor.sparsity },
        );
    this.set(id, copied);
    return copied;
  }

  /** Blockwise scales are tensors, too. */
  #quantization({ quantization }: Tensor): { quantization?: Quantization } {
    if (quantization?.kind !== 'blockwise') return {};
    const moved = (id: TensorId) => (id < 0 ? id : this.find(id)!);
    const { scales, zeroPoints } = quantization;
    return {
      quantization: { ...quantization, scales: moved(scales), zeroPoints: moved(zeroPoints) },
    };
  }
}
