import type { Step } from '../step.js';
import type { Rule } from './rule.js';

/** CONV_2D -> DEPTHWISE_CONV_2D becomes one node, so that not all between is there at a time. */
export const fuseExpansion: Rule = (step, view) => {
  const { node, fused } = step;
  if (node.op !== 'DEPTHWISE_CONV_2D' || fused.expansion !== undefined) return null;
  const between = node.inputs[0] as number;
  const producer = view.soleProducer(between);
  if (producer?.node.op !== 'CONV_2D') return null;
  const { options, inputs } = producer.node;
  const [input, weights, bias = -1] = inputs as readonly [number, number, ...number[]];
  const [, ownWeights, ownBias = -1] = node.inputs as readonly [number, number, ...number[]];
  const by: Step = {
    node: { ...node, inputs: [input, ownWeights, ownBias, weights, bias] },
    fused: {
      ...fused,
      expansion: {
        node: { name: producer.node.name, op: producer.node.op },
        type: view.tensors.type(between),
        options,
        activation: producer.fused.activation ?? options.fusedActivationFunction,
      },
    },
  };
  const isPadded = producer.fused.padding !== undefined;
  return isPadded || !view.accepts(by) ? null : by;
};
