/** What is only fetched for models that do not run on the GPU as a whole. */
export { divider } from '../plan/divide.js';
export { RUNTIME } from '../runtime.js';
