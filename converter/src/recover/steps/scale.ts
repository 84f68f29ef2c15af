import { ChannelObserver, observe, ProbeGraph } from '../../calibrate/index.js';
import type { Graph, TensorId } from '../../graph/graph.js';
import { attentionScalings } from '../attention-scaling.js';
import {
  affineScalings,
  applyScaling,
  type ChannelScaling,
  consumerWeights,
  linearScalings,
} from '../channel-scaling.js';
import type { RecoveryStep } from '../step.js';

/** Factors are kept within this, so that channels that are almost always zero stay what they are. */
const LARGEST_FACTOR = 64;

/**
 * Cross-layer equalization: channels between two layers get factors that make the ranges of the
 * activations and of the weights after them alike. Source: Nagel et al. 2019, arXiv:1906.04721 (section 4.1),
 * with the range of the activations in place of that of the weights before them: these have a scale
 * per channel and need no help.
 */
export const EQUALIZE: RecoveryStep = {
  summary: 'ranges of channels made alike across layers (cross-layer equalization)',
  run: scaleAll(linearScalings, 'pairs of layers'),
};

/**
 * SmoothQuant-style scaling of attention blocks: outliers of what a normalization gives to a block move
 * into the weights that read it, those of queries into the keys and those of values into the weights
 * that read the heads. Source: Xiao et al. 2022, arXiv:2211.10438, with alpha 0.5.
 */
export const SMOOTH: RecoveryStep = {
  summary:
    'outliers in attention blocks moved into weights, and between queries and keys (SmoothQuant)',
  run: scaleAll(
    (graph) => [...affineScalings(graph), ...attentionScalings(graph)],
    'values of attention blocks',
  ),
};

function scaleAll(
  find: (graph: Graph) => readonly ChannelScaling[],
  what: string,
): RecoveryStep['run'] {
  return async (state, tools) => {
    const found = find(state.graph);
    if (found.length === 0) return null;
    const run = tools.run(state.graph);
    const values = new Set(
      found.flatMap(({ value, consumers }) => [
        value,
        ...consumers.flatMap(({ makes }) => makes ?? []),
      ]),
    );
    const observers = new Map(
      [...values].map((value) => [value, new ChannelObserver(run.tensorIndex(value))]),
    );
    const graph = new ProbeGraph(run.model, run.signature);
    const pass = tools.pass('ranges of channels');
    await observe(graph, tools.samples.fit, [...observers.values()], pass);
    const rangeOf = (value: TensorId): Float64Array => {
      const { min, max } = observers.get(value)!;
      return Float64Array.from(min, (low, i) => Math.max(Math.abs(low), Math.abs(max[i]!)));
    };
    let scaled = state.graph;
    for (const { value } of found) {
      // With the weights as they are by now: those between two values were scaled once already.
      const scaling = find(scaled).find((own) => own.value === value)!;
      const makes = scaling.consumers.find((own) => own.makes !== undefined)?.makes;
      const against = makes === undefined ? consumerWeights(scaling) : rangeOf(makes);
      scaled = applyScaling(scaled, scaling, factorsOf(rangeOf(value), against));
    }
    const ranges = await tools.calibrate(scaled);
    return {
      state: { exact: scaled, graph: scaled, ranges },
      changed: `${found.length} ${what}`,
      layers: [],
    };
  };
}

/**
 * sqrt(range of the channel / range of what it is multiplied by), relative to the mean over channels; the
 * range of the channel alone where what it is multiplied by does not matter.
 */
function factorsOf(values: Float64Array, against: Float64Array | null): Float64Array {
  const wanted = values.map((range, channel) =>
    against === null ? range : Math.sqrt(range / against[channel]!),
  );
  const usable = wanted.filter((factor) => factor > 0 && Number.isFinite(factor));
  const mean = Math.exp(usable.reduce((sum, factor) => sum + Math.log(factor), 0) / usable.length);
  return wanted.map((factor) => {
    const relative = factor / mean;
    if (!(relative > 0 && Number.isFinite(relative))) return 1;
    return Math.min(LARGEST_FACTOR, Math.max(1 / LARGEST_FACTOR, relative));
  });
}
