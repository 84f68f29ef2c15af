/** Clamps to the activation ops, and activations into the ops before them. */
import { ActivationFunctionType, type OpName } from '@linnet/schema';
import { PatchBuilder } from '../../graph/patch.js';
import { sameType } from '../../graph/types.js';
import { isFloat32, isLinear, madeOnlyFor, uniform, withConstant } from '../match.js';
import { defineRule, type Rule } from '../rule.js';

/** The range that each clamping op lets through. */
const CLAMPS = {
  RELU: [0, Infinity],
  RELU6: [0, 6],
  RELU_N1_TO_1: [-1, 1],
  RELU_0_TO_1: [0, 1],
} as const satisfies { readonly [N in OpName]?: readonly [number, number] };

type ClampOp = keyof typeof CLAMPS;
const CLAMP_OPS = Object.keys(CLAMPS) as readonly ClampOp[];

const clampToActivation = defineRule({
  name: 'clamp-to-activation',
  rewrite: 'max(x, 0) -> relu(x), min(max(x, a), b) -> relu6(x), relu_n1_to_1(x), relu_0_to_1(x)',
  roots: ['MAXIMUM', 'MINIMUM', 'RELU'],
  apply(graph, node) {
    const output = graph.tensor(node.outputs[0]!);
    if (output.dtype !== 'float32') return null;
    // Collect the bounds of this node and of the one before it.
    let [low, high] = [-Infinity, Infinity];
    let value = output.id;
    for (let depth = 0; depth < 2; depth++) {
      const step = depth === 0 ? node : madeOnlyFor(graph, value, 'MAXIMUM', 'MINIMUM', 'RELU');
      if (step === undefined) break;
      const split = step.op === 'RELU' ? undefined : withConstant(graph, step);
      const bound = step.op === 'RELU' ? 0 : uniform(graph, split?.constant);
      if (bound === undefined) break;
      // An outer bound that cuts the inner one off wholly would not be a clamp of the two.
      if (step.op === 'MINIMUM') high = Math.min(high, bound);
      else low = Math.max(low, bound);
      value = step.op === 'RELU' ? step.inputs[0]! : split!.value;
    }
    const op = CLAMP_OPS.find((name) => CLAMPS[name][0] === low && CLAMPS[name][1] === high);
    if (op === undefined || op === node.op || !sameType(graph.tensor(value), output)) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output.id, patch.node(op, [value])).done();
  },
});

/** Ops whose kernels in stock LiteRT apply a clamp to what they store. */
const FUSING_OPS = [
  'ADD',
  'SUB',
  'MUL',
  'DIV',
  'CONV_2D',
  'DEPTHWISE_CONV_2D',
  'FULLY_CONNECTED',
  'AVERAGE_POOL_2D',
  'MAX_POOL_2D',
  'TRANSPOSE_CONV',
] as const satisfies readonly OpName[];

const FUSED = {
  RELU: ActivationFunctionType.RELU,
  RELU6: ActivationFunctionType.RELU6,
  RELU_N1_TO_1: ActivationFunctionType.RELU_N1_TO_1,
} as const;

const fuseActivation = defineRule({
  name: 'fuse-activation',
  rewrite: 'relu(conv(x)) -> conv(x, fused relu), as for relu6, relu_n1_to_1, add, pool, ..',
  roots: ['RELU', 'RELU6', 'RELU_N1_TO_1'],
  apply(graph, node) {
    const before = madeOnlyFor(graph, node.inputs[0], ...FUSING_OPS);
    if (before === undefined || !isLinear(before) || !isFloat32(graph, node.inputs[0])) return null;
    const patch = new PatchBuilder(graph, node);
    const options = { ...before.options, fusedActivationFunction: FUSED[node.op] };
    const fused = patch.node(before.op, before.inputs, options, { name: before.name });
    return patch.replace(node.outputs[0]!, fused).done();
  },
});

export const CLAMP_RULES: readonly Rule[] = [clampToActivation];
export const ACTIVATION_RULES: readonly Rule[] = [fuseActivation];
