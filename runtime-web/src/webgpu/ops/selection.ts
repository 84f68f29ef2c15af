import { INDEXING_LOWERINGS } from '../lower/indexing.js';
import { withCore } from './core.js';

export const SELECTION_SHADERS = withCore(() => INDEXING_LOWERINGS);
