import { REDUCTION_LOWERINGS } from '../lower/reduction.js';
import { withCore } from './core.js';

export const REDUCTION_SHADERS = withCore(() => REDUCTION_LOWERINGS);
