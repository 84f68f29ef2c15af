import { ChannelObserver, observe, ProbeGraph } from '../../calibrate/index.js';
import type { Graph } from '../../graph/graph.js';
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
 * SmoothQuant: the outliers of what a normalization gives to attention or a feed-forward block move into
 * the weights that read it. Source: Xiao et al. 2022, arXiv:2211.10438, with alpha 0.5.
 */
export const SMOOTH: RecoveryStep = {
  summary: 'outliers after normalizations moved into weights (SmoothQuant)',
  run: scaleAll(affineScalings, 'normalizations'),
};

function scaleAll(
  find: (graph: Graph) => readonly ChannelScaling[],
  what: string,
): RecoveryStep['run'] {
  return async (state, tools) => {
    const found = find(state.graph);
    if (found.length === 0) return null;
    const run = tools.run(state.graph);
    const observers = found.map(({ value }) => new ChannelObserver(run.tensorIndex(value)));
    const graph = new ProbeGraph(run.model, run.signature);
    await observe(graph, tools.samples.fit, observers, tools.pass('ranges of channels'));
    let scaled = state.graph;
    for (const [index, { min, max }] of observers.entries()) {
      // Of the weights as they are by now: those between two values were scaled once already.
      const { value } = found[index]!;
      const scaling = find(scaled).find((own) => own.value === value)!;
      scaled = applyScaling(scaled, scaling, factorsOf(scaling, min, max));
    }
    const ranges = await tools.calibrate(scaled);
    return {
      state: { exact: scaled, graph: scaled, ranges },
      changed: `${found.length} ${what}`,
      layers: [],
    };
  };
}

/** sqrt(range of the activations / range of the weights), relative to the mean over channels. */
function factorsOf(scaling: ChannelScaling, min: Float32Array, max: Float32Array): Float64Array {
  const weights = consumerWeights(scaling);
  const wanted = Float64Array.from(min, (low, channel) => {
    const activations = Math.max(Math.abs(low), Math.abs(max[channel]!));
    return weights === null ? activations : Math.sqrt(activations / weights[channel]!);
  });
  const usable = wanted.filter((factor) => factor > 0 && Number.isFinite(factor));
  const mean = Math.exp(usable.reduce((sum, factor) => sum + Math.log(factor), 0) / usable.length);
  return wanted.map((factor) => {
    const relative = factor / mean;
    if (!(relative > 0 && Number.isFinite(relative))) return 1;
    return Math.min(LARGEST_FACTOR, Math.max(1 / LARGEST_FACTOR, relative));
  });
}
