import { MOVEMENT_LOWERINGS } from '../lower/movement.js';
import { withCore } from './core.js';

export const MOVEMENT_SHADERS = withCore(() => MOVEMENT_LOWERINGS);
