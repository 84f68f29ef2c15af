/** Statistics of a model's tensors on samples: what quantization and pruning go by. */
export {
  type CalibrateOptions,
  type Calibration,
  calibrate,
  type TensorRange,
} from './calibrate.js';
export { type Extent, Histogram } from './histogram.js';
export { type ObserveOptions, type ObserveProgress, observe } from './observe.js';
export type { Observer } from './observer.js';
export { ChannelObserver } from './observers/channels.js';
export { InputMoments, type MomentOptions } from './observers/moments.js';
export { RangeObserver } from './observers/range.js';
export { ProbeGraph } from './probe-graph.js';
export { CALIBRATION_METHODS, type CalibrationMethod, type Range } from './range.js';
