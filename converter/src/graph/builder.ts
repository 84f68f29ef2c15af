import {
  LinnetError,
  OPS,
  type OpName,
  type OpRecord,
  type OptionsOf,
  type TensorType,
} from '@linnet/schema';
import { constantElements } from './constant.js';
import { Graph, type Node, type Tensor, type TensorId } from './graph.js';

export interface NodeExtras {
  /** Name in the source model; outputs are named after it. */
  readonly name?: string;
  /** What `infer` cannot know: dtypes and quantization that the op lets the node choose. */
  readonly outputs?: readonly TensorType[];
}

/**
 * Builds a graph node by node; output types come from the ops' own inference, so that an importer
 * never states a shape. Errors of inference are given the node's name.
 */
export class GraphBuilder {
  readonly graph: Graph;
  private nextTensor = 0;
  private nextNode = 0;

  constructor(name: string) {
    this.graph = new Graph(name);
  }

  /** Adds a graph input. */
  input(name: string, type: TensorType): TensorId {
    const id = this.addTensor({ ...type, name, data: null, isVariable: false });
    this.graph.inputs = [...this.graph.inputs, id];
    return id;
  }

  /** Adds a constant; `data` is laid out as in a TFLite buffer. */
  constant(name: string, type: TensorType, data: Uint8Array): TensorId {
    return this.addTensor({ ...type, name, data, isVariable: false });
  }

  /** Adds a tensor that keeps its value between runs, starting as zeros. */
  variable(name: string, type: TensorType): TensorId {
    return this.addTensor({ ...type, name, data: null, isVariable: true });
  }

  /** Adds a node; `options` are laid over the op's defaults. Returns the ids of its outputs. */
  add<N extends OpName>(
    op: N,
    inputs: readonly (TensorId | null)[],
    options: Partial<OptionsOf<N>> = {},
    extras: NodeExtras = {},
  ): readonly TensorId[] {
    const record: OpRecord<OptionsOf<N>> = OPS[op] as never;
    const full = Object.assign(record.options ? new record.options.type() : {}, options);
    const name = extras.name ?? op;
    const types = this.infer(op, record, full as OptionsOf<N>, inputs, name, extras.outputs ?? []);
    const outputs = types.map((type, index) =>
      this.addTensor({
        ...type,
        name: index === 0 ? name : `${name}:${index}`,
        data: null,
        isVariable: false,
      }),
    );
    const id = this.nextNode++;
    this.graph.nodes.set(id, { id, op, name, options: full, inputs, outputs } as unknown as Node);
    return outputs;
  }

  type(id: TensorId): Tensor {
    return this.graph.tensor(id);
  }

  finish(outputs: readonly TensorId[]): Graph {
    this.graph.outputs = outputs;
    return this.graph;
  }

  private infer<N extends OpName>(
    op: N,
    record: OpRecord<OptionsOf<N>>,
    options: OptionsOf<N>,
    inputs: readonly (TensorId | null)[],
    name: string,
    outputs: readonly TensorType[],
  ): readonly TensorType[] {
    try {
      return record.infer({
        options,
        inputs: inputs.map((id) => (id === null ? null : this.graph.tensor(id))),
        outputs,
        value: (index) => {
          const id = inputs[index];
          return id == null ? undefined : constantElements(this.graph.tensor(id));
        },
      });
    } catch (error) {
      throw error instanceof LinnetError ? error.at({ node: name, op }) : error;
    }
  }

  private addTensor(tensor: Omit<Tensor, 'id'>): TensorId {
    const id = this.nextTensor++;
    this.graph.tensors.set(id, { ...tensor, id });
    return id;
  }
}
