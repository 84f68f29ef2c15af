import type { Model, NamedTensor, Operator, Signature, Subgraph, Tensor } from '@linnet/schema';

/** Nodes of a graph, from one to another that is not among them. */
export interface Stretch {
  readonly from: number;
  readonly end: number;
}

/**
 * The same graph in two models of the same structure. Tensors are numbered through both: the second model's
 * come after the first one's, but for inputs, which both share.
 */
export class SideBySide {
  readonly first: Subgraph;
  readonly #second: Subgraph;
  readonly #shared: ReadonlySet<number>;

  constructor(
    readonly model: Model,
    other: Model,
    readonly index: number,
  ) {
    this.first = model.subgraphs[index]!;
    this.#second = other.subgraphs[index]!;
    this.#shared = new Set(this.first.inputs);
  }

  /** The tensor of the second model that corresponds to one of the first. */
  twin(tensor: number): number {
    return tensor < 0 || this.#shared.has(tensor) ? tensor : tensor + this.first.tensors.length;
  }

  tensor(index: number): Tensor {
    const { tensors } = this.first;
    return index < tensors.length ? tensors[index]! : this.#second.tensors[index - tensors.length]!;
  }

  /**
   * A model of some nodes of both: those of the first model, then as many of the second.
   *
   * @param inputs tensors that are there before them
   * @param outputs of the nodes; left out where others say what is wanted
   */
  stretch(
    signature: Signature,
    { from, end }: Stretch,
    inputs: readonly NamedTensor[],
    outputs: readonly NamedTensor[] = [],
  ): Model {
    const twins = (all: readonly number[]) => all.map((tensor) => this.twin(tensor));
    const operators = [
      ...this.first.operators.slice(from, end),
      ...this.#second.operators.slice(from, end).map(
        (node): Operator => ({
          ...node,
          inputs: twins(node.inputs),
          outputs: twins(node.outputs),
          ...(node.intermediates && { intermediates: twins(node.intermediates) }),
        }),
      ),
    ];
    const read = new Set(operators.flatMap((node) => node.inputs));
    const tensors = [...this.first.tensors, ...this.#second.tensors].map(
      (tensor, index): Tensor => {
        // Contents that nothing reads here need not be written.
        if (tensor.data === null || read.has(index)) return tensor;
        const { sparsity: _, ...rest } = tensor;
        return { ...rest, data: null };
      },
    );
    const subgraph: Subgraph = {
      ...this.first,
      tensors,
      operators,
      inputs: inputs.map(({ tensor }) => tensor),
      outputs: outputs.map(({ tensor }) => tensor),
    };
    return {
      ...this.model,
      subgraphs: this.model.subgraphs.map((old) => (old === this.first ? subgraph : old)),
      signatures: [{ ...signature, inputs, outputs }],
    };
  }
}
