import type { ObserveOptions, Range } from '../calibrate/index.js';
import type { Graph, TensorId } from '../graph/graph.js';
import type { GraphRun } from './graph-run.js';
import type { SplitSamples } from './samples.js';

/** A graph on its way to be quantized; ids of nodes and tensors stay what they are in the float graph. */
export interface RecoveryState {
  /** Computes what the float graph does, if with other scales inside. */
  readonly exact: Graph;
  /** The same, with weights and biases changed so that the quantized graph is nearer to it. */
  readonly graph: Graph;
  /** Of the activations, where the mode needs them. */
  readonly ranges: ReadonlyMap<TensorId, Range> | undefined;
}

/** What steps work with. */
export interface RecoveryTools {
  readonly samples: SplitSamples;
  run(graph: Graph): GraphRun;
  /** The graph as the mode stores it; its weighted nodes come in the same order. */
  quantize(state: RecoveryState): Graph;
  /** The ranges of a graph's activations, where the mode needs them. */
  calibrate(graph: Graph): Promise<RecoveryState['ranges']>;
  /** What a pass over samples is told: threads, how to stop, whom to tell of progress. */
  pass(what: string): ObserveOptions;
  /** Lets others have their turn; throws when the recovery is cancelled. */
  breathe(): Promise<void>;
}

/** The mean square, all channels added, of what rounding its weights changes in a layer's outputs on the samples held back. */
export interface LayerGain {
  readonly node: string;
  readonly before: number;
  readonly after: number;
}

/** What a step made. */
export interface Attempt {
  readonly state: RecoveryState;
  /** What was changed, for people: `12 layers`. */
  readonly changed: string;
  /** Where errors are measured layer by layer; those that were worse after it stay as they were. */
  readonly layers: readonly LayerGain[];
}

/** One way to make the quantized graph more like the float one. */
export interface RecoveryStep {
  /** What it does, in a few words. */
  readonly summary: string;
  /** Null where there is nothing that it could change. */
  run(state: RecoveryState, tools: RecoveryTools): Promise<Attempt | null>;
}
