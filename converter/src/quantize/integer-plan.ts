import { type AffineQuantization, isStatic, type OpName } from '@linnet/schema';
import type { Range } from '../calibrate/range.js';
import type { Graph, Node, NodeId, TensorId } from '../graph/graph.js';
import { floats } from '../passes/match.js';
import { isFiniteThroughout } from './finite.js';
import { type IntegerForm, integerForm, reasonForFloats } from './integer-forms.js';
import { type ActivationDType, joined, perTensor, quantizationOf } from './ranges.js';

/** A node that stays float32, and why. */
export interface FloatNode {
  readonly node: string;
  readonly op: OpName;
  readonly reason: string;
}

/** What is computed on integers, and how its tensors are stored. */
export interface IntegerPlan {
  readonly forms: ReadonlyMap<NodeId, IntegerForm>;
  /** Of inputs and results of integer nodes; constants are stored as each reader wants them. */
  readonly quantization: ReadonlyMap<TensorId, AffineQuantization>;
  /** What a same-scale node wants all its inputs to have; else each has its own. */
  readonly shared: ReadonlyMap<NodeId, AffineQuantization>;
  readonly floatNodes: readonly FloatNode[];
}

/** The inputs of a node that are quantized over a range. */
export function activationsOf({ inputs }: Node, { activations }: IntegerForm): readonly TensorId[] {
  const given = activations === 'all' ? inputs : activations.map((index) => inputs[index] ?? null);
  return given.filter((id) => id !== null);
}

/** The outputs of a node that are quantized numbers. */
export function resultsOf(graph: Graph, { outputs }: Node, form: IntegerForm): readonly TensorId[] {
  if (form.output === 'none') return [];
  return outputs.filter((id) => graph.tensor(id).dtype === 'float32');
}

/**
 * Decides which nodes of a graph compute on integers and with which scales.
 *
 * @param excludes Why a node stays float32 though it may have an integer form; null where it need not.
 */
export function planIntegers(
  graph: Graph,
  ranges: ReadonlyMap<TensorId, Range>,
  dtype: ActivationDType,
  excludes: (node: Node) => string | null,
): IntegerPlan {
  const forms = new Map<NodeId, IntegerForm>();
  const reasons = new Map<NodeId, string>();
  for (const node of graph.nodes) {
    if (!touchesFloats(graph, node)) continue;
    const form = integerForm(node.op, dtype);
    const reason =
      form === undefined
        ? reasonForFloats(node.op, dtype)
        : (excludes(node) ?? obstacle(graph, node, form, ranges));
    if (form !== undefined && reason === null) forms.set(node.id, form);
    else reasons.set(node.id, reason!);
  }
  let quantization = scalesOf(graph, forms, ranges, dtype);
  for (;;) {
    const tooCoarse = [...forms].flatMap(([id, form]) => {
      const reason = coarseness(graph, graph.node(id), form, { ranges, dtype, quantization });
      return reason === null ? [] : [[id, reason] as const];
    });
    if (tooCoarse.length === 0) break;
    for (const [id, reason] of tooCoarse) {
      forms.delete(id);
      reasons.set(id, reason);
    }
    quantization = scalesOf(graph, forms, ranges, dtype);
  }
  const shared = new Map<NodeId, AffineQuantization>();
  for (const [id, { output }] of forms) {
    const wanted = quantization.get(graph.node(id).outputs[0]!);
    if (output === 'same' && wanted !== undefined) shared.set(id, wanted);
  }
  const floatNodes = [...graph.nodes].flatMap(({ id, name, op }): readonly FloatNode[] => {
    const reason = reasons.get(id);
    return reason === undefined ? [] : [{ node: name, op, reason }];
  });
  return { forms, quantization, shared, floatNodes };
}

/** How all activations of nodes that compute on integers are stored. */
function scalesOf(
  graph: Graph,
  forms: ReadonlyMap<NodeId, IntegerForm>,
  ranges: ReadonlyMap<TensorId, Range>,
  dtype: ActivationDType,
): ReadonlyMap<TensorId, AffineQuantization> {
  const fixed = fixedScales(graph, forms, dtype);
  const scales = new ScaleGroups();
  for (const node of graph.nodes) {
    const form = forms.get(node.id);
    if (form === undefined) continue;
    const all = [...activationsOf(node, form), ...resultsOf(graph, node, form)];
    const free = all.filter((id) => !fixed.has(id));
    // Constants saturate, those of a range too: what of others shows in a result is in the result's range.
    for (const id of free) scales.add(id, ranges.get(id));
    for (const index of form.symmetric ?? []) scales.makeSymmetric(node.inputs[index]!);
    if (form.output !== 'same') continue;
    const values = free.filter((id) => graph.tensor(id).data === null);
    for (const id of values) scales.unite(values[0]!, id);
  }
  return new Map([...fixed, ...scales.quantizations(dtype)]);
}

function touchesFloats(graph: Graph, { inputs, outputs }: Node): boolean {
  return [...inputs, ...outputs].some((id) => id !== null && graph.tensor(id).dtype === 'float32');
}

/** Why a node cannot take its integer form, or null when it can. */
function obstacle(
  graph: Graph,
  node: Node,
  form: IntegerForm,
  ranges: ReadonlyMap<TensorId, Range>,
): string | null {
  const results = resultsOf(graph, node, form);
  for (const id of [...activationsOf(node, form), ...results]) {
    const { dtype, name, data, isVariable } = graph.tensor(id);
    if (dtype !== 'float32') return `${name} is ${dtype}`;
    if (isVariable) return `${name} is a variable`;
    if (data === null && !ranges.has(id)) return `no sample gave ${name} a value`;
    if (data !== null && !isFiniteThroughout(floats(graph, id)!)) return `${name} is not finite`;
  }
  if (form.weights === undefined) return null;
  const { input, bias } = form.weights;
  const constants = [node.inputs[input], node.inputs[bias]].filter((id) => id != null);
  if (constants.every((id) => floats(graph, id) !== undefined && isStatic(graph.tensor(id).shape)))
    return null;
  return 'its weights are computed as the model runs';
}

/** What is known of a graph's numbers. */
interface Stored {
  readonly ranges: ReadonlyMap<TensorId, Range>;
  readonly dtype: ActivationDType;
  readonly quantization: ReadonlyMap<TensorId, AffineQuantization>;
}

/** Why a node does not work with the scales that it and the ops round it agree on, or null where it does. */
function coarseness(
  graph: Graph,
  node: Node,
  form: IntegerForm,
  { ranges, dtype, quantization }: Stored,
): string | null {
  const scaleOf = (id: TensorId) =>
    (quantization.get(id) ?? quantizationOf(rangeFor(graph, ranges, id), dtype)).scale[0]!;
  if (form.divisor !== undefined) {
    const divisor = node.inputs[form.divisor]!;
    if (leastMagnitude(rangeFor(graph, ranges, divisor)) < LEAST_DIVISOR * scaleOf(divisor)) {
      return 'its divisor comes so near to 0 that an integer could be 0';
    }
    const [numerator, quotient] = [node.inputs[1 - form.divisor]!, node.outputs[0]!];
    if (scaleOf(numerator) < LEAST_RATIO * scaleOf(divisor) * scaleOf(quotient)) {
      return 'its divisors spread too far for the shifts of stock kernels';
    }
  }
  if (form.table !== undefined && dtype === 'int16') {
    const argument = node.inputs[0]!;
    const scales = { argument: scaleOf(argument), result: scaleOf(node.outputs[0]!) };
    if (!isWellTabulated(form.table, rangeFor(graph, ranges, argument), scales)) {
      return 'its arguments spread too far for the 512 intervals of the tables of stock kernels';
    }
  }
  return null;
}

/** The range of a value that is known to have one. */
function rangeFor(graph: Graph, ranges: ReadonlyMap<TensorId, Range>, id: TensorId): Range {
  const elements = floats(graph, id);
  return elements === undefined ? ranges.get(id)! : spanOf(elements);
}

/** Least and largest of elements, without 0 unless it is among them. */
function spanOf(elements: Float32Array): Range {
  return elements.reduce(({ min, max }, x) => ({ min: Math.min(min, x), max: Math.max(max, x) }), {
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
  });
}

/** Steps of its scale that a divisor must not fall below. */
const LEAST_DIVISOR = 2048;

/**
 * The scale of numerators by those of divisors and of quotients, at least. Stock kernels divide by a power of 2 that is,
 * for a numerator of -1, 45 less than this ratio's exponent: over 31 the quotient is arbitrary.
 */
const LEAST_RATIO = 2 ** 13;

/** The least distance of a range from 0. */
function leastMagnitude({ min, max }: Range): number {
  return Math.max(min, -max, 0);
}

/**
 * Whether a table of 512 equal intervals over all of int16 has a function's results to half a step of int8, with
 * half the error in the middle of an interval that stock kernels leave (see wordTable of the runtime).
 */
export function isWellTabulated(
  f: (x: number) => number,
  argument: Range,
  scales: { readonly argument: number; readonly result: number },
): boolean {
  const interval = 128 * scales.argument;
  const limit = 64 * scales.result;
  for (let k = Math.floor(argument.min / interval); k * interval < argument.max; k++) {
    const [start, middle, end] = [k, k + 0.5, k + 1].map((at) => f(at * interval));
    if (!(Math.abs((start! + end!) / 2 - middle!) / 2 <= limit)) return false;
  }
  return true;
}

/** Scales that ops prescribe, carried through ops that move what has them. */
function fixedScales(
  graph: Graph,
  forms: ReadonlyMap<NodeId, IntegerForm>,
  dtype: ActivationDType,
): ReadonlyMap<TensorId, AffineQuantization> {
  const fixed = new Map<TensorId, AffineQuantization>();
  for (const node of graph.nodes) {
    const form = forms.get(node.id);
    if (form === undefined) continue;
    if (typeof form.output === 'object') {
      const [scale, zeroPoint] = form.output[dtype]!;
      fixed.set(node.outputs[0]!, perTensor(scale, zeroPoint));
    } else if (form.output === 'same') {
      const results = resultsOf(graph, node, form);
      const [first, ...others] = activationsOf(node, form).map((id) => fixed.get(id));
      const agree = others.every(
        (other) =>
          other?.scale[0] === first?.scale[0] && other?.zeroPoint[0] === first?.zeroPoint[0],
      );
      if (first !== undefined && agree) for (const id of results) fixed.set(id, first);
    }
  }
  return fixed;
}

/** Tensors that must have the same scale, with the range of all of them. */
class ScaleGroups {
  readonly #parent = new Map<TensorId, TensorId>();
  readonly #ranges = new Map<TensorId, Range>();
  /** Tensors whose groups need zero point 0. */
  readonly #symmetric = new Set<TensorId>();

  add(id: TensorId, range: Range | undefined): void {
    if (this.#parent.has(id) || range === undefined) return;
    this.#parent.set(id, id);
    this.#widen(id, range);
  }

  /** Gives the group of a tensor zero point 0. */
  makeSymmetric(id: TensorId): void {
    this.#symmetric.add(id);
  }

  unite(a: TensorId, b: TensorId): void {
    const [to, from] = [this.#root(a), this.#root(b)];
    if (to === from) return;
    this.#parent.set(from, to);
    const range = this.#ranges.get(from);
    if (range !== undefined) this.#widen(to, range);
  }

  quantizations(dtype: ActivationDType): readonly (readonly [TensorId, AffineQuantization])[] {
    const symmetric = new Set([...this.#symmetric].map((id) => this.#root(id)));
    return [...this.#parent.keys()].map((id) => {
      const root = this.#root(id);
      const isSymmetric = dtype === 'int16' || symmetric.has(root);
      return [id, quantizationOf(this.#ranges.get(root)!, dtype, isSymmetric)];
    });
  }

  #root(id: TensorId): TensorId {
    let root = id;
    for (let next = this.#parent.get(root); next !== undefined && next !== root; ) {
      root = next;
      next = this.#parent.get(root);
    }
    return root;
  }

  #widen(root: TensorId, range: Range): void {
    const known = this.#ranges.get(root);
    this.#ranges.set(root, known === undefined ? range : joined(known, range));
  }
}
