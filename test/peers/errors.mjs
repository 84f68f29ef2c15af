// How far outputs are from those of another runtime: pairs of `output`, ours, and `other`.
import { compare } from '../../converter/dist/verify/compare.js';

/**
 * The largest relative error of the float outputs, or of all where there are none: classes trade
 * places when their scores nearly tie.
 */
export function floatError(pairs) {
  const floats = pairs.filter(({ output }) => output.dtype === 'float32');
  const judged = floats.length > 0 ? floats : pairs;
  return Math.max(
    ...judged.map(({ output, other }) => compare(output.data, other.data).relativeError),
  );
}

/** By name of an output, the real that one step of its integers is, where it is made from integers. */
export function outputSteps({ subgraphs, signatures }, key) {
  const signature = signatures.find((candidate) => key === null || candidate.key === key);
  const { tensors, operators, outputs } = subgraphs[signature?.subgraph ?? 0];
  const named =
    signature?.outputs ?? outputs.map((tensor) => ({ name: tensors[tensor].name, tensor }));
  return new Map(
    named.flatMap(({ name, tensor }) => {
      const producer = operators.find((operator) => operator.outputs.includes(tensor));
      const { quantization } = tensors[producer?.inputs[0]] ?? {};
      return producer?.op === 'DEQUANTIZE' ? [[name, quantization.scale[0]]] : [];
    }),
  );
}

/** How many outputs that are made from integers are how many steps off. */
export function stepError(pairs, steps) {
  let [count, within, largest] = [0, 0, 0];
  for (const { name, output, other } of pairs) {
    const step = steps.get(name);
    if (step === undefined) continue;
    output.data.forEach((value, index) => {
      const off = Math.round(Math.abs(value - other.data[index]) / step);
      count++;
      if (off <= 1) within++;
      largest = Math.max(largest, off);
    });
  }
  return { count, within, largest };
}
