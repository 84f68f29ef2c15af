import { cloneGraph } from '../../graph/clone.js';
import { dot, multiply } from '../../linear-algebra.js';
import { covariance, type Moments, memoryParts, observeMoments } from '../moments.js';
import { biasOf, setBias, setElements } from '../parameters.js';
import { type Grid, Rounder } from '../rounding.js';
import type { LayerGain, RecoveryStep, RecoveryTools } from '../step.js';
import { storedWeights } from '../stored-weights.js';
import { groupOf, rowOf, type WeightRows } from '../weight-rows.js';

/** Channels that are rounded together, and without a break. */
const CHANNELS_AT_ONCE = 16;

/** Weights rounded anew, with what that changes on average in the outputs of each channel. */
interface RoundedWeights {
  readonly elements: Float32Array;
  readonly shift: Float64Array;
}

/**
 * Weights rounded so that the layer's outputs change least. Their mean error goes into the bias, so
 * that only what varies counts.
 */
export const ROUND: RecoveryStep = {
  summary:
    'weights rounded by what their inputs are, each making up for the errors of others (GPTQ)',
  async run(state, tools) {
    const stored = storedWeights(state.graph, tools.quantize(state));
    const graph = cloneGraph(state.graph);
    const layers: LayerGain[] = [];
    const byTensor = new Map(stored.map((own) => [own.rows.tensor, own]));
    const parts = memoryParts(stored.map(({ rows }) => rows));
    for (const [index, part] of parts.entries()) {
      const nodes = part.map(({ node, tensor }) => ({ node: node.id, key: tensor }));
      const what =
        parts.length === 1
          ? 'inputs of layers'
          : `inputs of layers, part ${index + 1} of ${parts.length}`;
      // Layers before these are rounded already, and their errors are part of the inputs.
      const run = tools.run(graph);
      const [fit, held] = [
        await observeMoments(run, nodes, tools.samples.fit, { ...tools.pass(what), gram: true }),
        await observeMoments(run, nodes, tools.samples.held, { ...tools.pass(what), gram: true }),
      ];
      for (const tensor of new Set(part.map((rows) => rows.tensor))) {
        const [seen, judge] = [fit.get(tensor), held.get(tensor)];
        if (seen === undefined || judge === undefined) continue;
        const { rows, values, grid } = byTensor.get(tensor)!;
        const rounded = await roundWeights(rows, grid, seen, tools);
        const before = errorOf(rows, { elements: values, shift: null }, judge);
        const after = errorOf(rows, rounded, judge);
        if (after >= before) continue;
        layers.push({ node: rows.node.name, before, after });
        setElements(graph, tensor, rounded.elements);
        for (const reader of part.filter((other) => other.tensor === tensor)) {
          shiftBias(graph, reader, rounded.shift);
        }
      }
    }
    if (layers.length === 0) return null;
    const changed = `${layers.length} of ${byTensor.size} weight tensors`;
    return { state: { ...state, graph }, changed, layers };
  },
};

async function roundWeights(
  rows: WeightRows,
  grid: Grid,
  moments: Moments,
  tools: RecoveryTools,
): Promise<RoundedWeights> {
  const { inner, channels, stride, elements } = rows;
  const rounded = new Float32Array(elements.length);
  const shift = new Float64Array(channels);
  let current: { group: number; rounder?: Rounder } = { group: -1 };
  for (const { group, channels: own } of batches(rows)) {
    await tools.breathe();
    if (group !== current.group) {
      current = { group, rounder: new Rounder(covariance(moments, group), inner, grid) };
    }
    const weights = own.map((channel) => rowOf(rows, elements, channel));
    for (const [at, values] of current.rounder!.round(weights).entries()) {
      const channel = own[at]!;
      const start = rows.offset(channel);
      values.forEach((value, i) => {
        rounded[start + i * stride] = value;
        const off = rounded[start + i * stride]! - weights[at]![i]!;
        shift[channel] = shift[channel]! + off * moments.mean[group * inner + i]!;
      });
    }
  }
  return { elements: rounded, shift };
}

/** The mean square over rows of what weights change in the outputs, all channels together. */
function errorOf(
  rows: WeightRows,
  { elements, shift }: { readonly elements: Float32Array; readonly shift: Float64Array | null },
  { inner, mean, gram }: Moments,
): number {
  let total = 0;
  let current: { group: number; matrix: Float64Array } = { group: -1, matrix: new Float64Array() };
  for (const { group, channels } of batches(rows)) {
    if (group !== current.group) current = { group, matrix: gram(group) };
    const offs = channels.map((channel) => {
      const own = rowOf(rows, rows.elements, channel);
      return rowOf(rows, elements, channel).map((value, i) => value - own[i]!);
    });
    const products = multiply(current.matrix, offs);
    for (const [at, off] of offs.entries()) {
      const by = shift?.[channels[at]!] ?? 0;
      const constant = dot(off, 0, mean, group * inner, inner);
      total += dot(off, 0, products[at]!, 0, inner) + by * by - 2 * by * constant;
    }
  }
  return total;
}

/** Channels of one group that are rounded together, group after group. */
function* batches(
  rows: WeightRows,
): Iterable<{ readonly group: number; readonly channels: readonly number[] }> {
  for (let first = 0; first < rows.channels; ) {
    const group = groupOf(rows, first);
    const channels: number[] = [];
    while (
      channels.length < CHANNELS_AT_ONCE &&
      first < rows.channels &&
      groupOf(rows, first) === group
    ) {
      channels.push(first++);
    }
    yield { group, channels };
  }
}

function shiftBias(
  graph: Parameters<typeof setBias>[0],
  { node }: WeightRows,
  shift: Float64Array,
): void {
  const bias = biasOf(graph, node.id);
  if (bias !== undefined)
    setBias(
      graph,
      node.id,
      bias.map((value, i) => value - shift[i]!),
    );
}
