/** What is only fetched for profiles: times of passes, and what the device reaches. */
export { measurePeaks } from './peaks.js';
export { timePasses } from './timing.js';
