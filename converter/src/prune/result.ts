import type { OpName } from '@linnet/schema';
import type { CalibrationOptions } from '../calibrate/open-samples.js';
import type { PruneMethod } from './method.js';

/** What pruning did to one layer. */
export interface PrunedLayer {
  /** The node, the first one where several share the weights. */
  readonly node: string;
  readonly op: OpName;
  /** Of the weights as they were. */
  readonly shape: readonly number[];
  readonly method: PruneMethod;
  /** The part of the weights that is zero, or was removed. */
  readonly sparsity: number;
  /**
   * The squared error of the layer's outputs on the samples, relative to the outputs' squares; of the
   * weights themselves where there are no samples.
   */
  readonly error: number;
}

/** What pruning did to a program. */
export interface Pruned {
  readonly layers: readonly PrunedLayer[];
  /** The part of all layers' weights that is zero, or was removed. */
  readonly zeros: number;
  /**
   * The mean over outputs and held-back samples of the squared error relative to the outputs' squares;
   * null without samples.
   */
  readonly error: number | null;
}

export interface PruneContext {
  readonly calibration?: CalibrationOptions;
  readonly signal?: AbortSignal;
  /** Is told what is being done, for people. */
  readonly onProgress?: (detail: string) => void;
}
