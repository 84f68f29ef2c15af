import { elementCount, type OpName } from '@linnet/schema';
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { type Patch, PatchBuilder } from '../graph/patch.js';
import { floats } from '../passes/match.js';
import { defineRule, type Rule } from '../passes/rule.js';
import { quantizeSymmetric } from './affine.js';
import { DYNAMIC_RANGE, type DynamicRangeOp, MIN_ELEMENTS, type WeightPolicy } from './policy.js';

/** Weights that were quantized, as the report lists them. */
export interface QuantizedTensor {
  readonly tensor: string;
  readonly node: string;
  readonly op: OpName;
  readonly shape: readonly number[];
  /** Number of scales: one per channel, or one. */
  readonly scales: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

const OPS = Object.keys(DYNAMIC_RANGE) as readonly DynamicRangeOp[];

/**
 * Dynamic range quantization, as rules: weights become int8, activations stay float32 in the file
 * and are quantized by the kernels as they run.
 *
 * @param record Is told of every tensor that is quantized.
 */
export function dynamicRangeRules(record: (tensor: QuantizedTensor) => void): readonly Rule[] {
  const quantizeWeights = defineRule({
    name: 'quantize-weights',
    rewrite: 'conv(x, w: float32) -> conv(x, w: int8), symmetric, one scale per channel',
    roots: OPS,
    rounds: true,
    apply(graph, node) {
      const policy: WeightPolicy = DYNAMIC_RANGE[node.op];
      const weights = policy.weights.filter((index) =>
        isWorthIt(graph, node.inputs[index] ?? null),
      );
      const given = policy.weights.filter((index) => node.inputs[index] != null);
      if (weights.length === 0 || (policy.allOrNone && weights.length < given.length)) return null;
      if (node.op === 'GATHER' && node.options.batchDims !== 0) return null;
      return quantize(graph, node, policy, weights, record);
    },
  });
  return [quantizeWeights];
}

/** Whether a tensor is large enough, and would go away once its readers have int8 weights. */
function isWorthIt(graph: Graph, id: TensorId | null): boolean {
  if (id === null || graph.isOutput(id) || floats(graph, id) === undefined) return false;
  if ((elementCount(graph.tensor(id).shape) ?? 0) < MIN_ELEMENTS) return false;
  return graph.consumers(id).every((reader) => readsAsWeights(reader, id));
}

/** Whether a node reads the tensor only where its op takes int8 weights. */
function readsAsWeights({ op, inputs }: Node, id: TensorId): boolean {
  if (!isQuantizable(op)) return false;
  const { weights }: WeightPolicy = DYNAMIC_RANGE[op];
  return inputs.every((input, index) => input !== id || weights.includes(index));
}

function isQuantizable(op: OpName): op is DynamicRangeOp {
  return op in DYNAMIC_RANGE;
}

function quantize(
  graph: Graph,
  node: Node<DynamicRangeOp>,
  policy: WeightPolicy,
  indices: readonly number[],
  record: (tensor: QuantizedTensor) => void,
): Patch | null {
  const patch = new PatchBuilder(graph, node);
  const inputs = [...node.inputs];
  const done: QuantizedTensor[] = [];
  for (const index of indices) {
    const tensor = graph.tensor(node.inputs[index]!);
    const { elements, quantization } = quantizeSymmetric(
      floats(graph, tensor.id)!,
      tensor.shape,
      policy.axis,
    );
    const type = { dtype: 'int8', shape: tensor.shape, quantization } as const;
    inputs[index] = patch.elements(tensor.name, type, elements);
    done.push({
      tensor: tensor.name,
      node: node.name,
      op: node.op,
      shape: tensor.shape,
      scales: quantization.scale.length,
      bytesBefore: tensor.data!.byteLength,
      bytesAfter: elements.byteLength + 4 * quantization.scale.length,
    });
  }
  const declared = node.outputs.map((id) => graph.tensor(id));
  const options = policy.asymmetric
    ? { ...node.options, asymmetricQuantizeInputs: true }
    : node.options;
  if (policy.kernel === 'move') {
    const [output] = declared;
    const { quantization } = patch.tensor(inputs[indices[0]!]!);
    const moved = { ...output!, dtype: 'int8', quantization: quantization! } as const;
    const small = patch.node(node.op, inputs, options, { outputs: [moved] });
    patch.replace(output!.id, patch.node('DEQUANTIZE', [small]));
  } else {
    const made = patch.nodes(node.op, inputs, options, { outputs: declared });
    for (const [index, id] of made.entries()) patch.replace(declared[index]!.id, id);
  }
  const result = patch.done();
  if (result !== null) done.forEach(record);
  return result;
}
