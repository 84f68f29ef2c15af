/** Samples for calibration and evaluation. */
export { Dataset, type Elements } from './dataset.js';
export { type Fit, type Preprocess, parsePreprocess, RAW_PIXELS } from './image/preprocess.js';
export { openDataset } from './open.js';
export type { Sample } from './sample.js';
