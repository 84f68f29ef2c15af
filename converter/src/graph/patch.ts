import {
  elementCount,
  invariant,
  type OpName,
  type OptionsOf,
  type TensorType,
  type TypedArray,
} from '@linnet/schema';
import { elementBytes } from './constant.js';
import type { Graph, Node, NodeId, Tensor, TensorId } from './graph.js';
import { inferNode, makeNode, typeOf } from './node.js';
import { refines } from './types.js';

/**
 * A change to a graph, as data: what to add and which values the added ones stand in for.
 *
 * It fits the state of the graph it was made from. What it leaves without a reader goes away when
 * it is applied, so a patch never names what to remove.
 */
export interface Patch {
  /** Constants, and the outputs of `nodes`. */
  readonly tensors: readonly Tensor[];
  readonly nodes: readonly { readonly node: Node; readonly before: NodeId }[];
  /** Every reader of a key (nodes and graph outputs) reads the value instead. */
  readonly replacements: ReadonlyMap<TensorId, TensorId>;
}

export interface PatchNodeExtras {
  readonly name?: string;
  readonly outputs?: readonly TensorType[];
  /** Comes right before this node in the order; by default before the patch's root. */
  readonly before?: Node;
}

/** Describes a patch to `graph`, rooted at a node: new nodes come right before it. */
export class PatchBuilder {
  readonly #tensors = new Map<TensorId, Tensor>();
  readonly #nodes: { node: Node; before: NodeId }[] = [];
  readonly #replacements = new Map<TensorId, TensorId>();
  #nextTensor: TensorId;
  #nextNode: NodeId;

  constructor(
    readonly graph: Graph,
    readonly root: Node,
  ) {
    this.#nextTensor = graph.nextIds.tensor;
    this.#nextNode = graph.nextIds.node;
  }

  /** A tensor of the graph or of the patch. */
  tensor(id: TensorId): Tensor {
    return this.#tensors.get(id) ?? this.graph.tensor(id);
  }

  constant(name: string, type: TensorType, data: Uint8Array): TensorId {
    const bits = elementCount(type.shape);
    invariant(bits !== undefined, `constant ${name} has a shape that is not known`);
    return this.#addTensor(name, type, data);
  }

  /** A constant of numeric elements. */
  elements(name: string, type: TensorType, elements: TypedArray): TensorId {
    return this.constant(name, type, elementBytes(elements));
  }

  /** A float32 constant. */
  floats(name: string, shape: readonly number[], elements: Float32Array): TensorId {
    return this.elements(name, { dtype: 'float32', shape }, elements);
  }

  /** A one-dimensional int32 constant, as shapes, axes and permutations are given. */
  ints(name: string, values: readonly number[]): TensorId {
    const type = { dtype: 'int32', shape: [values.length] } as const;
    return this.elements(name, type, Int32Array.from(values));
  }

  /** Adds a node; `options` are laid over the op's defaults. Returns the ids of its outputs. */
  nodes<N extends OpName>(
    op: N,
    inputs: readonly (TensorId | null)[],
    options: Partial<OptionsOf<N>> = {},
    extras: PatchNodeExtras = {},
  ): readonly TensorId[] {
    const name = extras.name ?? this.root.name;
    const draft = makeNode({ op, name, inputs, options }, this.#nextNode++, []);
    const tensors = inputs.map((id) => (id === null ? null : this.tensor(id)));
    const types = inferNode(draft, tensors, extras.outputs ?? []);
    const outputs = types.map((type, index) =>
      this.#addTensor(index === 0 ? name : `${name}:${index}`, type, null),
    );
    this.#nodes.push({ node: { ...draft, outputs }, before: (extras.before ?? this.root).id });
    return outputs;
  }

  /** As `nodes`, for an op with one output. */
  node<N extends OpName>(
    op: N,
    inputs: readonly (TensorId | null)[],
    options: Partial<OptionsOf<N>> = {},
    extras: PatchNodeExtras = {},
  ): TensorId {
    return this.nodes(op, inputs, options, extras)[0]!;
  }

  /** Lets every reader of `old` read `by` instead. */
  replace(old: TensorId, by: TensorId): this {
    this.#replacements.set(old, by);
    return this;
  }

  /**
   * The patch; a new value takes over the name of the one it stands in for. Null when one would
   * be of another type, or less would be known about its shape: then the rewrite does not fit.
   */
  done(): Patch | null {
    for (const [old, by] of this.#replacements) {
      if (!refines(this.tensor(by), this.graph.tensor(old))) return null;
      const tensor = this.#tensors.get(by);
      if (tensor !== undefined) {
        this.#tensors.set(by, { ...tensor, name: this.graph.tensor(old).name });
      }
    }
    return {
      tensors: [...this.#tensors.values()],
      nodes: this.#nodes,
      replacements: this.#replacements,
    };
  }

  #addTensor(name: string, type: TensorType, data: Uint8Array | null): TensorId {
    const id = this.#nextTensor++;
    this.#tensors.set(id, { ...typeOf(type), id, name, data, isVariable: false });
    return id;
  }
}
