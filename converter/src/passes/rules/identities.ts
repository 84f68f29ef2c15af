/** Rewrites that remove arithmetic without effect. */
import { bitWidth, type DType, type OpName } from '@linnet/schema';
import { PatchBuilder } from '../../graph/patch.js';
import { sameType } from '../../graph/types.js';
import { isLinear, madeBy, uniform } from '../match.js';
import { defineRule, type Rule } from '../rule.js';

type NeutralOp = 'ADD' | 'SUB' | 'MUL' | 'DIV' | 'FLOOR_DIV' | 'POW';

/** The right operand that leaves the left one as it is, and whether it may also stand left. */
const NEUTRAL: { readonly [N in NeutralOp]: { readonly value: number; readonly either: boolean } } =
  {
    ADD: { value: 0, either: true },
    SUB: { value: 0, either: false },
    MUL: { value: 1, either: true },
    DIV: { value: 1, either: false },
    FLOOR_DIV: { value: 1, either: false },
    POW: { value: 1, either: false },
  };

const removeNeutral = defineRule({
  name: 'remove-neutral-operand',
  rewrite: 'x+0, x-0, x*1, x/1, x**1 -> x',
  roots: ['ADD', 'SUB', 'MUL', 'DIV', 'FLOOR_DIV', 'POW'],
  apply(graph, node) {
    const { value, either } = NEUTRAL[node.op];
    const [left, right] = node.inputs;
    const [output] = node.outputs;
    if (left == null || right == null || !isLinear(node)) return null;
    // Dividing integers with FLOOR_DIV by one is exact; on floats it would round down.
    if (node.op === 'FLOOR_DIV' && !graph.tensor(left).dtype.includes('int')) return null;
    const kept =
      uniform(graph, right) === value
        ? left
        : either && uniform(graph, left) === value
          ? right
          : null;
    if (kept === null || !sameType(graph.tensor(kept), graph.tensor(output!))) return null;
    return new PatchBuilder(graph, node).replace(output!, kept).done();
  },
});

const removeInvolution = defineRule({
  name: 'remove-involution',
  rewrite: '-(-x) -> x, not(not(x)) -> x',
  roots: ['NEG', 'LOGICAL_NOT'],
  apply(graph, node) {
    const inner = madeBy(graph, node.inputs[0], node.op);
    if (inner === undefined) return null;
    return new PatchBuilder(graph, node).replace(node.outputs[0]!, inner.inputs[0]!).done();
  },
});

const IDEMPOTENT = [
  'ABS',
  'CEIL',
  'FLOOR',
  'RELU',
  'RELU6',
  'RELU_0_TO_1',
  'RELU_N1_TO_1',
  'ROUND',
  'SIGN',
] as const satisfies readonly OpName[];

const removeIdempotent = defineRule({
  name: 'remove-repetition',
  rewrite: 'f(f(x)) -> f(x) for abs, rounding and clamps',
  roots: IDEMPOTENT,
  apply(graph, node) {
    const inner = madeBy(graph, node.inputs[0], node.op);
    if (inner === undefined) return null;
    if (!sameType(graph.tensor(inner.outputs[0]!), graph.tensor(node.outputs[0]!))) return null;
    return new PatchBuilder(graph, node).replace(node.outputs[0]!, inner.outputs[0]!).done();
  },
});

const removeCast = defineRule({
  name: 'remove-cast',
  rewrite: 'cast(x: T) to T -> x, cast(cast(x: T) to wider) to T -> x',
  roots: ['CAST'],
  apply(graph, node) {
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    const target = graph.tensor(output);
    if (sameType(graph.tensor(input), target)) {
      return new PatchBuilder(graph, node).replace(output, input).done();
    }
    const inner = madeBy(graph, input, 'CAST');
    const source = inner?.inputs[0];
    if (source == null || !sameType(graph.tensor(source), target)) return null;
    if (!holdsAll(graph.tensor(input).dtype, target.dtype)) return null;
    return new PatchBuilder(graph, node).replace(output, source).done();
  },
});

/** Bits of a float dtype's significand, with the hidden one; undefined for other dtypes. */
function significandBits(dtype: DType): number | undefined {
  switch (dtype) {
    case 'bfloat16':
      return 8;
    case 'float16':
      return 11;
    case 'float32':
      return 24;
    case 'float64':
      return 53;
    default:
      return undefined;
  }
}

/** Whether every value of dtype `narrow` survives a cast to `wide` and back. */
function holdsAll(wide: DType, narrow: DType): boolean {
  if (narrow === 'bool') return wide !== 'string';
  const [wideFloat, narrowFloat] = [significandBits(wide), significandBits(narrow)];
  if (narrowFloat !== undefined) {
    return wideFloat !== undefined && wideFloat > narrowFloat && bitWidth(wide) > bitWidth(narrow);
  }
  if (!/^u?int\d+$/.test(narrow)) return false;
  if (wideFloat !== undefined) return bitWidth(narrow) <= wideFloat;
  return /^int\d+$/.test(wide) && bitWidth(wide) > bitWidth(narrow);
}

export const IDENTITY_RULES: readonly Rule[] = [
  removeNeutral,
  removeInvolution,
  removeIdempotent,
  removeCast,
];
