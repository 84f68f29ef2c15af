import { LinnetError, type Model, type OpName, type Tensor } from '@linnet/schema';
import { isReal, ProbeGraph } from '../calibrate/probe-graph.js';
import { Dataset, type Elements, type Sample } from '../data/index.js';
import type { ArrayValue } from '../entry-point.js';
import type { TensorValue } from '../reference/kernel.js';
import { isQuantized, reals } from '../reference/values.js';
import { Comparison, type Difference } from './compare.js';
import { MeanScore, type Metric, type Outputs } from './metric.js';
import { ProbedModel } from './probed-model.js';

/** How far the result of one node is from the same node's in the model that is compared with. */
export interface LayerDifference extends Difference {
  /** Name of the node's result, the same in both models. */
  readonly name: string;
  readonly op: OpName;
  /** The result's element types: of the model to judge, and of the one to judge it by. */
  readonly dtypes: readonly [actual: string, expected: string];
}

/** A metric's score of both models. */
export interface MetricScore {
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** Whether scores are parts of a whole, from 0 to 1. */
  readonly isShare: boolean;
  /** Undefined where the metric says nothing about the model's outputs. */
  readonly actual: number | undefined;
  readonly expected: number | undefined;
}

export interface LayerComparison {
  /** In the order in which the nodes run. */
  readonly layers: readonly LayerDifference[];
  /** Results of nodes of `expected` that `actual` has not, or in another shape. */
  readonly unmatched: readonly string[];
  readonly metrics: readonly MetricScore[];
  readonly samples: number;
}

export interface CompareLayersOptions {
  /** Key of the signature; by default `serving_default`, or the first. */
  readonly signature?: string;
  readonly metrics?: readonly Metric[];
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

/** The same value in two models: its tensors' indices. */
interface Pair {
  readonly node: NumberNode;
  readonly actual: number;
  readonly comparison: Comparison;
}

/** A node with a result of numbers that comes with a run. */
interface NumberNode {
  readonly op: OpName;
  readonly tensor: number;
  readonly type: Tensor;
}

/**
 * Runs two versions of a model on the same samples and compares the results of all nodes that they
 * share by name. Quantized values count as the numbers that they stand for. Memory does not depend
 * on the number of samples.
 *
 * @param samples values for one run each, named as the inputs of `expected`
 * @throws LinnetError as loadModel and the samples' source do; INVALID_ARGUMENT when there is no
 *   sample or the models' inputs or outputs do not match
 */
export async function compareLayers(
  actual: Model,
  expected: Model,
  samples: Elements<Sample>,
  options: CompareLayersOptions = {},
): Promise<LayerComparison> {
  const { signature = defaultSignature(expected), metrics = [], threads = 1, signal } = options;
  const own = new ProbeGraph(actual, signature);
  const other = new ProbeGraph(expected, signature);
  const pairs = matchLayers(own, other);
  const unmatched = unmatchedNames(other, pairs);
  const settings = { threads, signal };
  using judged = await ProbedModel.load(
    own,
    pairs.map((pair) => pair.actual),
    settings,
  );
  using judge = await ProbedModel.load(
    other,
    pairs.map(({ node }) => node.tensor),
    settings,
  );
  const scores = metrics.map((metric) => ({
    metric,
    actual: new MeanScore(),
    expected: new MeanScore(),
  }));
  const dataset = samples instanceof Dataset ? samples : Dataset.from(samples);
  const { inputs } = other.signature;
  let index = 0;
  for await (const sample of dataset.abortable(signal)) {
    const reference = await judge.run(sample, inputs, signal);
    const result = await judged.run(sample, inputs, signal);
    for (const [i, { node, comparison }] of pairs.entries()) {
      const [a, e] = [result.tensors[i] as TensorValue, reference.tensors[i] as TensorValue];
      if (a.elements.length !== e.elements.length) unmatched.add(node.type.name);
      else comparison.add(reals(a), reals(e));
    }
    const outputs = renamed(result.outputs, Object.keys(reference.outputs));
    for (const { metric, actual, expected } of scores) {
      actual.add(await metric.score(outputs, sample, reference.outputs, index));
      expected.add(await metric.score(reference.outputs, sample, reference.outputs, index));
    }
    index++;
    options.onProgress?.(index, dataset.size);
  }
  if (index === 0) throw new LinnetError('INVALID_ARGUMENT', 'there are no samples to run');
  return {
    layers: pairs
      .filter(({ node }) => !unmatched.has(node.type.name))
      .map(({ node: { op, type }, actual, comparison }) => ({
        name: type.name,
        op,
        dtypes: [own.tensor(actual).dtype, type.dtype],
        ...comparison.difference,
      })),
    unmatched: [...unmatched],
    metrics: scores.map(
      ({ metric: { name, higherIsBetter, isShare = false }, actual, expected }) => ({
        name,
        higherIsBetter,
        isShare,
        actual: actual.value,
        expected: expected.value,
      }),
    ),
    samples: index,
  };
}

/** The key of the signature that is meant where none is named. */
export function defaultSignature({ signatures }: Model): string | undefined {
  return (signatures.find(({ key }) => key === 'serving_default') ?? signatures[0])?.key;
}

function numberNodes(graph: ProbeGraph): readonly NumberNode[] {
  return graph.subgraph.operators.flatMap(({ op, outputs }) => {
    const [tensor] = outputs;
    if (op === null || tensor === undefined) return [];
    const type = graph.tensor(tensor);
    return (isReal(type.dtype) || isQuantized(type)) && type.data === null
      ? [{ op, tensor, type }]
      : [];
  });
}

function matchLayers(actual: ProbeGraph, expected: ProbeGraph): readonly Pair[] {
  const own = new Map(numberNodes(actual).map((node) => [node.type.name, node]));
  return numberNodes(expected).flatMap((node) => {
    const same = own.get(node.type.name);
    if (same === undefined || same.type.shape.join() !== node.type.shape.join()) return [];
    return [{ node, actual: same.tensor, comparison: new Comparison() }];
  });
}

function unmatchedNames(expected: ProbeGraph, pairs: readonly Pair[]): Set<string> {
  const matched = new Set(pairs.map(({ node }) => node.type.name));
  const names = numberNodes(expected).map(({ type }) => type.name);
  return new Set(names.filter((name) => !matched.has(name)));
}

/** Values under the names of another model's outputs, where these differ. */
function renamed(outputs: Outputs, names: readonly string[]): Outputs {
  const own = Object.keys(outputs);
  if (own.length !== names.length) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `the models differ in their number of outputs: ${own.length} and ${names.length}`,
      {},
      ['Compare models that were made from the same source.'],
    );
  }
  if (names.every((name) => name in outputs)) return outputs;
  return Object.fromEntries(
    names.map((name, i) => [name, outputs[own[i] as string] as ArrayValue]),
  );
}
