import { eitherWay, knownScalar, plainNode, type Rule } from './rule.js';

/** MUL by a positive number -> SOFTMAX becomes part of what SOFTMAX scales its input with. */
export const fuseSoftmaxScale: Rule = (step, view) => {
  const { node } = step;
  if (node.op !== 'SOFTMAX') return null;
  const scaled = node.inputs[0] as number;
  const product = plainNode(view.soleProducer(scaled), 'MUL');
  if (product === null) return null;
  for (const [input, factor] of eitherWay(product)) {
    const scale = knownScalar(factor, view);
    const isWhole =
      view.tensors.type(input).shape.length === view.tensors.type(scaled).shape.length;
    if (scale === null || !(scale > 0) || !isWhole) continue;
    const beta = Math.fround(node.options.beta * scale);
    return {
      node: { ...node, inputs: [input], options: { ...node.options, beta } },
      fused: step.fused,
    };
  }
  return null;
};
