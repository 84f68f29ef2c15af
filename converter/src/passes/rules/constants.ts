/** Constant folding and common subexpressions. */
import {
  bitWidth,
  byteLength,
  elementCount,
  OP_NAMES,
  opRecord,
  type TypedArray,
} from '@linnet/schema';
import { isSameBytes } from '../../graph/constant.js';
import type { Graph, Node, Tensor } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { sameType } from '../../graph/types.js';
import type { TensorValue } from '../../reference/index.js';
import { constantValue, evaluateNode, isPure } from '../evaluate.js';
import { permutedConstant } from '../layout/permutation.js';
import { constant, elements, integers } from '../match.js';
import { defineRule, type Rule } from '../rule.js';

/** Folding may make the file this much larger than the constants that it folds. */
const MAX_GROWTH_BYTES = 64 * 1024;

/** By DEQUANTIZE a file keeps its constants small: it stays. */
const FOLDABLE = OP_NAMES.filter((op) => isPure(op) && op !== 'DEQUANTIZE');

/** Weights are what is transposed most; this way takes no more memory than the result. */
const foldTranspose = defineRule({
  name: 'fold-transpose',
  rewrite: 'transpose(constant) -> constant',
  roots: ['TRANSPOSE'],
  apply(graph, node) {
    const [source, permutation] = [
      constant(graph, node.inputs[0]),
      integers(graph, node.inputs[1]),
    ];
    const isPlain = source?.quantization === undefined && elements(graph, source?.id) !== undefined;
    if (source === undefined || permutation === undefined || !isPlain) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, permutedConstant(patch, source.id, permutation)).done();
  },
});

const foldConstants = defineRule({
  name: 'fold-constants',
  rewrite: 'f(constants) -> constant',
  roots: FOLDABLE,
  apply(graph, node) {
    const inputs = node.inputs.map((id) => (id === null ? null : constant(graph, id)));
    const outputs = node.outputs.map((id) => graph.tensor(id));
    if (inputs.length === 0 || opRecord(node.op).dataDependent || !inputs.every(isDefined))
      return null;
    if (growth(inputs, outputs) > MAX_GROWTH_BYTES) return null;
    const known = inputs.map((tensor) => tensor && constantValue(tensor));
    const values = known.every(isDefined) ? evaluateNode(node, known, outputs) : undefined;
    if (values === undefined) return null;
    const patch = new PatchBuilder(graph, node);
    for (const [index, value] of values.entries()) {
      if (!isNumeric(value)) return null;
      const { id, name } = outputs[index]!;
      patch.replace(id, patch.elements(name, value, value.elements));
    }
    return patch.done();
  },
});

const isDefined = <T>(value: T | undefined): value is T => value !== undefined;

/** Whether elements lie in a buffer as they do in a typed array: neither strings nor packed. */
function isNumeric(value: TensorValue): value is TensorValue & { readonly elements: TypedArray } {
  return bitWidth(value.dtype) >= 8;
}

function growth(inputs: readonly (Tensor | null)[], outputs: readonly Tensor[]): number {
  const before = inputs.reduce((sum, tensor) => sum + (tensor?.data?.byteLength ?? 0), 0);
  const after = outputs.reduce((sum, { dtype, shape }) => {
    const count = elementCount(shape);
    return sum + (count === undefined ? Infinity : byteLength(dtype, count));
  }, 0);
  return after - before;
}

const mergeDuplicates = defineRule({
  name: 'merge-duplicates',
  rewrite: 'f(x), f(x) -> one f(x)',
  roots: OP_NAMES.filter(isPure),
  apply(graph, node) {
    const shared = node.inputs.find((id) => id !== null && graph.tensor(id).data === null);
    if (shared == null) return null;
    const twin = graph
      .consumers(shared)
      .find((other) => graph.nodes.isBefore(other.id, node.id) && isTwin(graph, node, other));
    if (twin === undefined) return null;
    const patch = new PatchBuilder(graph, node);
    node.outputs.forEach((id, index) => {
      patch.replace(id, twin.outputs[index]!);
    });
    return patch.done();
  },
});

function isTwin(graph: Graph, a: Node, b: Node): boolean {
  return (
    a.op === b.op &&
    a.inputs.length === b.inputs.length &&
    a.outputs.length === b.outputs.length &&
    a.outputs.every((id, index) => sameType(graph.tensor(id), graph.tensor(b.outputs[index]!))) &&
    JSON.stringify(a.options) === JSON.stringify(b.options) &&
    a.inputs.every((id, index) => isSameValue(graph, id, b.inputs[index]!))
  );
}

function isSameValue(graph: Graph, a: number | null, b: number | null): boolean {
  if (a === b) return true;
  const [x, y] = [constant(graph, a), constant(graph, b)];
  if (x === undefined || y === undefined || !sameType(x, y)) return false;
  return isSameBytes(x.data!, y.data!);
}

export const CONSTANT_RULES: readonly Rule[] = [foldTranspose, foldConstants, mergeDuplicates];
