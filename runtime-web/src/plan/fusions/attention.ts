/**
 * Attention: softmax(scale * queries keys^T, masked) values, so that no more of the scores is there at
 * a time than a kernel works on. Heads are read, and written, where projections have them: the
 * transpositions that divide and join them are folded in. Source: Vaswani et al., 2017
 * (arXiv:1706.03762).
 */

import type { Step } from '../step.js';
import { sameElements } from '../types.js';
import { eitherWay, knownScalar, plainNode, type Rule, type View } from './rule.js';

/** A tensor, and which of its dimensions each dimension of what is read of it is. */
interface Read {
  readonly tensor: number;
  readonly axes: readonly number[];
}

/** What goes into a softmax, by the products of which queries and keys. */
interface Scores {
  readonly queries: Read;
  readonly keys: Read;
  readonly scale: number;
  readonly mask: { readonly tensor: number; readonly otherwise: number | null } | null;
}

/** A tensor as it lies before a transposition, if there is one. */
function readOf(tensor: number, view: View): Read {
  const transpose = plainNode(view.producer(tensor), 'TRANSPOSE');
  if (transpose !== null) {
    const [source, order] = transpose.inputs as readonly [number, number];
    const axes = view.tensors.known(order)?.elements;
    if (axes !== undefined) return { tensor: source, axes: Array.from(axes, Number) };
  }
  return { tensor, axes: view.tensors.type(tensor).shape.map((_, axis) => axis) };
}

function productOf(tensor: number, scale: number, view: View): Scores | null {
  const step = view.producer(tensor);
  const scaled = plainNode(step, 'MUL');
  if (scaled !== null) {
    for (const [product, factor] of eitherWay(scaled)) {
      const by = knownScalar(factor, view);
      if (by !== null) return productOf(product, Math.fround(scale * by), view);
    }
    return null;
  }
  const product = plainNode(step, 'BATCH_MATMUL');
  if (product === null || product.options.adjX) return null;
  const [queries, keys] = product.inputs.map((input) => readOf(input, view)) as [Read, Read];
  const isByRow = product.options.adjY;
  const swapped = [...keys.axes.slice(0, -2), ...keys.axes.slice(-2).reverse()];
  return { queries, keys: isByRow ? keys : { ...keys, axes: swapped }, scale, mask: null };
}

function maskedOf(tensor: number, view: View): Scores | null {
  const step = view.producer(tensor);
  const selected = plainNode(step, 'SELECT_V2');
  if (selected !== null) {
    const [mask, scores, fill] = selected.inputs as readonly [number, number, number];
    const otherwise = knownScalar(fill, view);
    const product = otherwise === null ? null : productOf(scores, 1, view);
    return product && { ...product, mask: { tensor: mask, otherwise } };
  }
  const sum = plainNode(step, 'ADD');
  if (sum === null) return null;
  for (const [scores, mask] of eitherWay(sum)) {
    const product = productOf(scores, 1, view);
    if (product !== null) return { ...product, mask: { tensor: mask, otherwise: null } };
  }
  return null;
}

/** BATCH_MATMUL of a softmax of scores. */
function attention(step: Step, view: View): Step | null {
  const mixed = plainNode(step, 'BATCH_MATMUL');
  if (mixed === null || mixed.options.adjX || mixed.options.adjY) return null;
  const [weights, values] = mixed.inputs as readonly [number, number];
  const softmax = plainNode(view.soleProducer(weights), 'SOFTMAX');
  if (softmax === null) return null;
  const [input] = softmax.inputs as readonly [number];
  const { beta } = softmax.options;
  const scores = productOf(input, beta, view) ?? (beta === 1 ? maskedOf(input, view) : null);
  if (scores === null) return null;
  const { queries, keys, scale, mask } = scores;
  const read = readOf(values, view);
  const inputs = [queries.tensor, keys.tensor, read.tensor, ...(mask ? [mask.tensor] : [])];
  // What reads state has its place among the steps that change it.
  if (inputs.some((tensor) => view.tensors.isVariable(tensor))) return null;
  const output = view.tensors.type(mixed.outputs[0] as number).shape.map((_, axis) => axis);
  return {
    node: { ...mixed, inputs },
    fused: {
      attention: {
        axes: [queries.axes, keys.axes, read.axes, output],
        scale,
        otherwise: mask?.otherwise ?? null,
      },
    },
  };
}

/** TRANSPOSE of attention. */
function transposed({ node }: Step, view: View): Step | null {
  if (node.op !== 'TRANSPOSE') return null;
  const [before, order] = node.inputs as readonly [number, number];
  const made = view.soleProducer(before);
  const permutation = view.tensors.known(order)?.elements;
  if (made?.fused.attention === undefined || permutation === undefined) return null;
  if (!sameElements(view.tensors.type(before), view.tensors.type(node.outputs[0] as number))) {
    return null;
  }
  const [queries, keys, values, output] = made.fused.attention.axes;
  const at = Array.from(permutation, Number);
  const moved = output.map((axis) => at.indexOf(axis));
  return {
    node: { ...made.node, outputs: node.outputs },
    fused: { attention: { ...made.fused.attention, axes: [queries, keys, values, moved] } },
  };
}

export const fuseAttention: Rule = (step, view) => {
  const by = attention(step, view) ?? transposed(step, view);
  return by && view.accepts(by) ? by : null;
};
