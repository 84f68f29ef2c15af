import { type DType, elementCount, type OpName, type TensorType } from '@linnet/schema';
import type { Graph, Node, Tensor, TensorId } from '../graph/graph.js';
import { type Patch, PatchBuilder } from '../graph/patch.js';
import { floats } from '../passes/match.js';
import { defineRule, type Rule } from '../passes/rule.js';
import { packWeights, quantizeBlocks, quantizeSymmetric, type WeightDType } from './affine.js';
import { DYNAMIC_RANGE, type DynamicRangeOp, MIN_ELEMENTS, type WeightPolicy } from './policy.js';
import { weightType } from './precision.js';

/** Weights that were quantized, as the report lists them. */
export interface QuantizedTensor {
  readonly tensor: string;
  readonly node: string;
  readonly op: OpName;
  readonly shape: readonly number[];
  /** What its elements are stored as. */
  readonly dtype: DType;
  /** Number of scales: one per channel or block, or one. */
  readonly scales: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

const OPS = Object.keys(DYNAMIC_RANGE) as readonly DynamicRangeOp[];

/** How the weights of a node are stored. */
export interface WeightStorage {
  readonly dtype: WeightDType;
  /** Weights of a fully connected op that share a scale; a whole output channel where it is undefined or does not divide one. */
  readonly block?: number;
}

/**
 * Dynamic range quantization, as rules: weights become integers, activations stay float32 in the file
 * and are quantized by the kernels as they run.
 *
 * @param storageOf Says how a node's weights are stored; null where they stay what they are.
 * @param record Is told of every tensor that is quantized.
 */
export function dynamicRangeRules(
  storageOf: (node: Node) => WeightStorage | null,
  record: (tensor: QuantizedTensor) => void,
): readonly Rule[] {
  const quantizeWeights = defineRule({
    name: 'quantize-weights',
    rewrite: 'conv(x, w: float32) -> conv(x, w: int8 or int4), symmetric, one scale per channel',
    roots: OPS,
    rounds: true,
    apply(graph, node) {
      const storage = storageOf(node);
      if (storage === null) return null;
      const policy: WeightPolicy = DYNAMIC_RANGE[node.op];
      const isSame = (reader: Node) => sameStorage(storageOf(reader), storage);
      const weights = policy.weights.filter((index) =>
        isWorthIt(graph, node.inputs[index] ?? null, isSame),
      );
      const given = policy.weights.filter((index) => node.inputs[index] != null);
      if (weights.length === 0 || (policy.allOrNone && weights.length < given.length)) return null;
      if (node.op === 'GATHER' && node.options.batchDims !== 0) return null;
      return quantize(graph, node, policy, weights, storage, record);
    },
  });
  return [quantizeWeights];
}

function sameStorage(a: WeightStorage | null, b: WeightStorage): boolean {
  return a?.dtype === b.dtype && a.block === b.block;
}

/** Whether a tensor is large enough, and would go away once its readers have integer weights. */
function isWorthIt(graph: Graph, id: TensorId | null, isSame: (reader: Node) => boolean): boolean {
  if (id === null || graph.isOutput(id) || floats(graph, id) === undefined) return false;
  if ((elementCount(graph.tensor(id).shape) ?? 0) < MIN_ELEMENTS) return false;
  return graph.consumers(id).every((reader) => readsAsWeights(reader, id) && isSame(reader));
}

/** Whether a node reads the tensor only where its op takes integer weights. */
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
  storage: WeightStorage,
  record: (tensor: QuantizedTensor) => void,
): Patch | null {
  const patch = new PatchBuilder(graph, node);
  const inputs = [...node.inputs];
  const done: QuantizedTensor[] = [];
  for (const index of indices) {
    const tensor = graph.tensor(node.inputs[index]!);
    const stored = store(patch, node, tensor, policy.axis, storage);
    inputs[index] = stored.id;
    done.push({
      tensor: tensor.name,
      node: node.name,
      op: node.op,
      shape: tensor.shape,
      dtype: patch.tensor(stored.id).dtype,
      scales: stored.scales,
      bytesBefore: tensor.data!.byteLength,
      bytesAfter: stored.bytes,
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

/** Adds weights as integers to a patch. */
function store(
  patch: PatchBuilder,
  { op }: Node,
  { id, name, shape }: Tensor,
  axis: number | null,
  storage: WeightStorage,
): { readonly id: TensorId; readonly scales: number; readonly bytes: number } {
  const weights = floats(patch.graph, id)!;
  const perOutput = weights.length / (axis === null ? 1 : shape[axis]!);
  const dtype = weightType(op, storage.dtype, perOutput);
  const depth = shape.at(-1)!;
  const { block } = storage;
  if (op === 'FULLY_CONNECTED' && block !== undefined && depth % block === 0) {
    const { elements, scales } = quantizeBlocks(weights, block, dtype);
    const scaleType = { dtype: 'float16', shape: [...shape.slice(0, -1), depth / block] } as const;
    const quantization = {
      kind: 'blockwise',
      scales: patch.elements(`${name}/scales`, scaleType, scales),
      zeroPoints: -1,
      blockSize: block,
    } as const;
    const packed = packWeights(elements, dtype);
    const stored = patch.constant(name, { dtype, shape, quantization }, packed);
    const bytes = packed.byteLength + scales.byteLength;
    return { id: stored, scales: scales.length, bytes };
  }
  const { elements, quantization } = quantizeSymmetric(weights, shape, axis, dtype);
  const type: TensorType = { dtype, shape, quantization };
  const packed = packWeights(elements, dtype);
  const scales = quantization.scale.length;
  return { id: patch.constant(name, type, packed), scales, bytes: packed.byteLength + 4 * scales };
}
