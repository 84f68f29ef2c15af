import type { OpName, OptionsOf, TensorType } from '@linnet/schema';
import { Graph, type Tensor, type TensorId } from './graph.js';
import { inferNode, makeNode, typeOf } from './node.js';

export interface NodeExtras {
  /** Name in the source model; outputs are named after it. */
  readonly name?: string;
  /** What `infer` cannot know: dtypes and quantization that the op lets the node choose. */
  readonly outputs?: readonly TensorType[];
  /** Tensors without contents whose quantization steers the kernel. */
  readonly intermediates?: readonly (TensorType & { readonly name: string })[];
}

/**
 * Builds a graph node by node; output types come from the ops' own inference, so that an importer
 * never states a shape. Errors of inference are given the node's name.
 */
export class GraphBuilder {
  readonly graph: Graph;

  constructor(name: string) {
    this.graph = new Graph(name);
  }

  /** Adds a graph input. */
  input(name: string, type: TensorType): TensorId {
    const id = this.addTensor(name, type);
    this.graph.inputs = [...this.graph.inputs, id];
    return id;
  }

  /** Adds a constant; `data` is laid out as in a TFLite buffer. */
  constant(
    name: string,
    type: TensorType,
    data: Uint8Array,
    extras: Pick<Tensor, 'sparsity'> = {},
  ): TensorId {
    return this.addTensor(name, type, { data, ...extras });
  }

  /** Adds a tensor that keeps its value between runs, starting as zeros. */
  variable(name: string, type: TensorType): TensorId {
    return this.addTensor(name, type, { isVariable: true });
  }

  /** Adds a node; `options` are laid over the op's defaults. Returns the ids of its outputs. */
  add<N extends OpName>(
    op: N,
    inputs: readonly (TensorId | null)[],
    options: Partial<OptionsOf<N>> = {},
    extras: NodeExtras = {},
  ): readonly TensorId[] {
    const name = extras.name ?? op;
    const draft = makeNode({ op, name, inputs, options }, this.graph.nextIds.node, []);
    const tensors = inputs.map((id) => (id === null ? null : this.graph.tensor(id)));
    const types = inferNode(draft, tensors, extras.outputs ?? []);
    const outputs = types.map((type, index) =>
      this.addTensor(index === 0 ? name : `${name}:${index}`, type),
    );
    const intermediates = extras.intermediates?.map((tensor) =>
      this.addTensor(tensor.name, tensor),
    );
    this.graph.addNode({ ...draft, outputs, ...(intermediates && { intermediates }) });
    return outputs;
  }

  type(id: TensorId): Tensor {
    return this.graph.tensor(id);
  }

  finish(outputs: readonly TensorId[]): Graph {
    this.graph.outputs = outputs;
    return this.graph;
  }

  private addTensor(name: string, type: TensorType, extras: Partial<Tensor> = {}): TensorId {
    const id = this.graph.nextIds.tensor;
    this.graph.setTensor({
      data: null,
      isVariable: false,
      ...extras,
      ...typeOf(type),
      id,
      name,
    });
    return id;
  }
}
