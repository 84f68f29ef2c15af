import {
  completeOptions,
  LinnetError,
  type OpName,
  type OptionsOf,
  opRecord,
  type TensorType,
} from '@linnet/schema';
import { constantElements } from './constant.js';
import type { Node, NodeId, Tensor, TensorId } from './graph.js';

/** What a new node is made of; `options` are laid over the op's defaults. */
export interface NodeSpec<N extends OpName> {
  readonly op: N;
  readonly name: string;
  readonly inputs: readonly (TensorId | null)[];
  readonly options: Partial<OptionsOf<N>>;
}

/** A node with complete options. */
export function makeNode<N extends OpName>(
  spec: NodeSpec<N>,
  id: NodeId,
  outputs: readonly TensorId[],
): Node {
  const options = completeOptions(spec.op, spec.options);
  return { ...spec, id, options, outputs } as unknown as Node;
}

/** The same node reading other tensors. */
export function withInputs(node: Node, inputs: readonly (TensorId | null)[]): Node {
  return { ...node, inputs };
}

/**
 * Types of a node's outputs by its op's own inference.
 *
 * @param declared What inference cannot know: dtypes and quantization that the node may choose.
 * @throws LinnetError INVALID_MODEL, with the node's name and op, when the inputs do not fit.
 */
export function inferNode<N extends OpName>(
  spec: Pick<NodeSpec<N>, 'op' | 'name'> & { readonly options: OptionsOf<N> },
  inputs: readonly (Tensor | null)[],
  declared: readonly TensorType[],
): readonly TensorType[] {
  try {
    checkArity(inputs.length, opRecord(spec.op).inputs);
    return opRecord(spec.op).infer({
      options: spec.options,
      inputs,
      outputs: declared,
      value: (index) => {
        const input = inputs[index];
        return input == null ? undefined : constantElements(input);
      },
    });
  } catch (error) {
    throw error instanceof LinnetError ? error.at({ node: spec.name, op: spec.op }) : error;
  }
}

function checkArity(count: number, [min, max]: readonly [number, number]): void {
  if (count >= min && count <= max) return;
  const expected = min === max ? `${min}` : `${min} to ${max}`;
  throw new LinnetError('INVALID_MODEL', `found ${count} inputs; expected ${expected}`);
}

/** dtype, shape and quantization alone. */
export function typeOf({ dtype, shape, quantization }: TensorType): TensorType {
  return quantization === undefined ? { dtype, shape } : { dtype, shape, quantization };
}
