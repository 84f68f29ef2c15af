import type { Step } from '../step.js';
import { eitherWay, plainNode, type Rule } from './rule.js';

/** x -> LOGISTIC -> MUL with x becomes one node: swish. */
export const fuseGate: Rule = (step, view) => {
  const product = plainNode(step, 'MUL');
  if (product === null) return null;
  for (const [gate, x] of eitherWay(product)) {
    const logistic = plainNode(view.soleProducer(gate), 'LOGISTIC');
    if (logistic?.inputs[0] !== x) continue;
    const by: Step = {
      node: { ...logistic, outputs: product.outputs },
      fused: { gatesInput: true },
    };
    return view.accepts(by) ? by : null;
  }
  return null;
};
