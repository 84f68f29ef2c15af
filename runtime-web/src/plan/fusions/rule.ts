/** What rules of fusion see of a stage, and the small questions that many of them ask. */
import { ActivationFunctionType, type OpName } from '@linnet/schema';
import type { GraphNode } from '../../model/graph.js';
import type { Step, TensorTable } from '../step.js';

export interface View {
  readonly tensors: TensorTable;
  /** The step of this stage that writes a tensor. */
  producer(tensor: number): Step | undefined;
  /** The same where the one node that reads the tensor may take the step's place. */
  soleProducer(tensor: number): Step | undefined;
  /** Whether whatever may run a step knows how, with all that is fused into it. */
  accepts(step: Step): boolean;
}

/**
 * A step in whose place another can be that does more: steps whose results nothing reads any more
 * are dropped. The new one writes the same tensors.
 */
export type Rule = (step: Step, view: View) => Step | null;

type NodeOf<N extends OpName> = Extract<GraphNode, { op: N }>;

/** The node of a step that is of an op, with nothing folded into it and no activation. */
export function plainNode<N extends OpName>(step: Step | undefined, op: N): NodeOf<N> | null {
  if (step?.node.op !== op || Object.keys(step.fused).length > 0) return null;
  const { options } = step.node;
  const isPlain =
    !('fusedActivationFunction' in options) ||
    options.fusedActivationFunction === ActivationFunctionType.NONE;
  return isPlain ? (step.node as NodeOf<N>) : null;
}

/** The inputs of a node of two, in either order. */
export function eitherWay({ inputs }: GraphNode): readonly (readonly [number, number])[] {
  const [a, b] = inputs as readonly [number, number];
  return [
    [a, b],
    [b, a],
  ];
}

/** The number that a known float32 tensor of one element holds. */
export function knownScalar(tensor: number, { tensors }: View): number | null {
  const known = tensors.known(tensor);
  if (known?.type.dtype !== 'float32' || known.elements.length !== 1) return null;
  return Number(known.elements[0]);
}
