import { ActivationFunctionType, type OpName } from '@linnet/schema';
import { sameElements } from '../types.js';
import type { Rule } from './rule.js';

const ACTIVATIONS: { readonly [N in OpName]?: ActivationFunctionType } = {
  RELU: ActivationFunctionType.RELU,
  RELU6: ActivationFunctionType.RELU6,
  RELU_N1_TO_1: ActivationFunctionType.RELU_N1_TO_1,
};

/** producer -> activation becomes the producer with the activation fused. */
export const fuseActivation: Rule = (step, view) => {
  const activation = ACTIVATIONS[step.node.op];
  if (activation === undefined) return null;
  const [input, output] = [step.node.inputs[0] as number, step.node.outputs[0] as number];
  const producer = view.soleProducer(input);
  if (producer === undefined) return null;
  const { options } = producer.node;
  const isFree =
    'fusedActivationFunction' in options &&
    options.fusedActivationFunction === ActivationFunctionType.NONE &&
    producer.fused.activation === undefined;
  if (!isFree || producer.node.outputs.length !== 1) return null;
  if (!sameElements(view.tensors.type(input), view.tensors.type(output))) return null;
  return {
    node: { ...producer.node, outputs: [output] },
    fused: { ...producer.fused, activation },
  };
};
