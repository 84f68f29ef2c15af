import { LinnetError, type Model, read } from '@linnet/schema';
import type { Elements } from '../data/dataset.js';
import type { Sample } from '../data/sample.js';
import { type ObserveOptions, observe } from './observe.js';
import type { Observer } from './observer.js';
import { RangeObserver } from './observers/range.js';
import { ProbeGraph } from './probe-graph.js';
import { CALIBRATION_METHODS, type CalibrationMethod, type Range } from './range.js';

export interface CalibrateOptions extends ObserveOptions {
  /** How ranges are chosen; `min-max` by default. */
  readonly method?: CalibrationMethod;
  /** Steps that a quantized tensor can tell apart; 256 by default. */
  readonly levels?: number;
  /** Key of the signature that the samples are for; may be left out where there is only one. */
  readonly signature?: string;
  /** More statistics to gather in the same pass, such as InputMoments. */
  readonly observers?: readonly Observer[];
}

/** The range of one tensor. */
export interface TensorRange extends Range {
  readonly name: string;
  /** The smallest and largest value there was. */
  readonly observed: Range;
}

export interface Calibration {
  readonly method: CalibrationMethod;
  /** Samples that were run. */
  readonly samples: number;
  /** Index of the signature's subgraph, whose tensors `ranges` is about. */
  readonly subgraph: number;
  /**
   * By tensor index: all floating-point inputs and results of the subgraph's nodes that took a value. What
   * lies inside loops, branches and recurrent ops is not among them.
   */
  readonly ranges: ReadonlyMap<number, TensorRange>;
}

/**
 * Finds the ranges of values that a model's tensors take on samples, in one pass and in memory that
 * does not depend on their number. The same samples in the same order give the same ranges, on any
 * machine and number of threads; but for the moving average, in any order.
 *
 * @param model a TFLite file with floating-point activations, or its contents
 * @param samples values for one run each, named as the signature's inputs: a Dataset, or any iterable
 * @throws LinnetError INVALID_ARGUMENT for samples that do not fit (naming the first) or compute NaN
 *   or infinity, or an unknown method or signature; otherwise as loadModel does; ABORTED
 */
export async function calibrate(
  model: Uint8Array | Model,
  samples: Elements<Sample>,
  options: CalibrateOptions = {},
): Promise<Calibration> {
  const { method = 'min-max', levels = 256, signature, observers = [] } = options;
  if (!Object.hasOwn(CALIBRATION_METHODS, method)) {
    throw new LinnetError('INVALID_ARGUMENT', `there is no calibration method ${method}`, {}, [
      `Expected one of ${Object.keys(CALIBRATION_METHODS).join(', ')}.`,
    ]);
  }
  const { needsHistogram, range } = CALIBRATION_METHODS[method];
  const graph = new ProbeGraph(model instanceof Uint8Array ? read(model) : model, signature);
  const ranges = graph.activations.map(
    (tensor) => new RangeObserver(tensor, graph.tensor(tensor).name, { histogram: needsHistogram }),
  );
  const count = await observe(graph, samples, [...ranges, ...observers], options);
  return {
    method,
    samples: count,
    subgraph: graph.signature.subgraph,
    ranges: new Map(
      ranges.flatMap(({ tensor, name, extent, average, histogram }) => {
        // A tensor that never had an element has no range.
        if (average === null) return [];
        const observed = { min: extent.low, max: extent.high };
        return [[tensor, { name, observed, ...range({ extent, average, histogram }, levels) }]];
      }),
    ),
  };
}
