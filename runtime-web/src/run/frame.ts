import { invariant, type TensorType } from '@linnet/schema';
import type { Graph, GraphNode } from '../model/graph.js';
import { Known } from '../model/known.js';
import type { Contents, Resident } from '../plan/backend.js';
import type { Given } from '../plan/infer.js';
import type { Uses } from '../plan/step.js';

/** A tensor in the host's hands. */
export interface HostValue {
  readonly type: TensorType;
  /** Empty while the tensor is on a device. */
  readonly bytes: Uint8Array;
  /** Where a device has the tensor. */
  readonly resident?: Resident;
  /** Set once planning depends on the contents. */
  readonly known?: Known;
  /** Nobody else holds the bytes. */
  readonly isOwned?: true;
}

/** What the host holds while one graph runs. */
export class Frame {
  readonly #values = new Map<number, HostValue>();

  constructor(
    readonly graph: Graph,
    readonly uses: Uses,
  ) {}

  set(tensor: number, value: HostValue): void {
    this.#values.set(tensor, value);
  }

  /** The results of a node under the types that the graph gives them; the shapes are the results'. */
  setOutputs(node: GraphNode, values: readonly HostValue[]): void {
    node.outputs.forEach((tensor, i) => {
      const { type, bytes } = values[i] as HostValue;
      this.set(tensor, { type: { ...this.type(tensor), shape: type.shape }, bytes });
    });
  }

  type(tensor: number): TensorType {
    return this.graph.tensors[tensor]?.type as TensorType;
  }

  value(tensor: number): HostValue {
    const constant = this.graph.tensors[tensor]?.constant;
    const value = this.#values.get(tensor) ?? constant ?? undefined;
    invariant(value !== undefined, `Tensor ${tensor} of graph ${this.graph.name} has no value.`);
    return value;
  }

  /** A tensor's contents wherever they are. */
  contents(tensor: number): Contents {
    const { bytes, resident } = this.value(tensor);
    return resident ?? bytes;
  }

  /** Has a tensor in the host's memory. */
  async fetch(tensor: number): Promise<void> {
    const { type, resident } = this.value(tensor);
    if (resident) this.set(tensor, { type, bytes: await resident.read(), isOwned: true });
  }

  /** Lets planning depend on the contents of a tensor. */
  async learn(tensor: number): Promise<void> {
    await this.fetch(tensor);
    const { type, bytes } = this.value(tensor);
    this.#values.set(tensor, { type, bytes, known: new Known(null, type, bytes) });
  }

  /** Drops what no node from `position` on reads. */
  forget(position: number): void {
    for (const tensor of this.#values.keys()) {
      if (!this.uses.readFrom(tensor, position)) this.#values.delete(tensor);
    }
  }

  /** What planning may start from. */
  given(): ReadonlyMap<number, Given> {
    return new Map(
      [...this.#values].map(([tensor, { type, known = null }]) => [tensor, { type, known }]),
    );
  }
}
