import { cloneGraph } from '../../graph/clone.js';
import type { NodeId } from '../../graph/graph.js';
import { type Moments, observeMoments } from '../moments.js';
import { biasOf, setBias } from '../parameters.js';
import type { RecoveryStep } from '../step.js';
import { type StoredWeights, storedWeights } from '../stored-weights.js';
import { groupOf, rowOf, type WeightRows, weightRows } from '../weight-rows.js';

/**
 * Layers at which what has built up over those before is taken off, each in a pass of its own: correcting
 * all at once would correct an error again at every layer that it passes.
 */
const DRIFT_LAYERS = 12;

/**
 * Bias correction: the mean that quantization adds to each channel of a layer's outputs is taken off its
 * bias. First, at all layers, what rounding the weights adds to the outputs for inputs of the float
 * model; then, from the first layers to the last, what is left in the quantized model as it runs.
 * Source: Nagel et al. 2019, arXiv:1906.04721 (section 4.2, empirical form).
 */
export const BIAS: RecoveryStep = {
  summary: 'biases corrected by the mean error that quantization causes',
  async run(state, tools) {
    const { fit } = tools.samples;
    const layers = [...state.exact.nodes].flatMap((node) => {
      const rows = weightRows(state.exact, node);
      return rows === undefined ? [] : [{ node: node.id, key: node.id, rows }];
    });
    const options = { ...tools.pass('means of the float model'), gram: false };
    const exact = await observeMoments(tools.run(state.exact), layers, fit, options);
    const wanted = new Map<NodeId, Float64Array>();
    for (const { node, rows } of layers) {
      const moments = exact.get(node);
      if (moments !== undefined) wanted.set(node, meanOutputs(rows, rows.elements, moments));
    }
    const graph = cloneGraph(state.graph);
    const correct = ({ rows, values }: StoredWeights, moments: Moments): void => {
      const { id } = rows.node;
      const [bias, mean] = [biasOf(state.exact, id), wanted.get(id)];
      if (bias === undefined || mean === undefined) return;
      const found = meanOutputs(rows, values, moments);
      setBias(
        graph,
        id,
        bias.map((value, i) => value + mean[i]! - found[i]!),
      );
    };
    const stored = storedWeights(graph, tools.quantize({ ...state, graph }));
    const known = stored.filter(({ rows }) => wanted.has(rows.node.id));
    if (known.length === 0) return null;
    for (const own of known) correct(own, exact.get(own.rows.node.id)!);
    for (const [pass, { rows }] of spread(known, DRIFT_LAYERS).entries()) {
      const quantized = tools.quantize({ ...state, graph });
      const own = storedWeights(graph, quantized).find(
        (other) => other.rows.node.id === rows.node.id,
      )!;
      const node = { node: own.quantizedNode.id, key: rows.node.id };
      const what = `means of the quantized model, pass ${pass + 1}`;
      const moments = await observeMoments(tools.run(quantized), [node], fit, {
        ...tools.pass(what),
        gram: false,
      });
      const drifted = moments.get(rows.node.id);
      if (drifted !== undefined) correct(own, drifted);
    }
    return { state: { ...state, graph }, changed: `${known.length} layers`, layers: [] };
  },
};

/** At most `count` elements at equal distances, with the last one. */
function spread<T>(all: readonly T[], count: number): readonly T[] {
  const step = Math.max(1, all.length / count);
  const indices = Array.from(
    { length: Math.min(count, all.length) },
    (_, i) => Math.ceil((i + 1) * step) - 1,
  );
  return indices.map((index) => all[index]!);
}

/** The mean of each channel's outputs, before the bias. */
function meanOutputs(
  rows: WeightRows,
  elements: Float32Array,
  { mean, inner }: Moments,
): Float64Array {
  return Float64Array.from({ length: rows.channels }, (_, channel) => {
    const start = groupOf(rows, channel) * inner;
    return rowOf(rows, elements, channel).reduce(
      (sum, value, i) => sum + value * mean[start + i]!,
      0,
    );
  });
}
