import { IMAGE_LOWERINGS } from '../lower/image.js';
import { MIRROR_LOWERINGS } from '../lower/mirror.js';
import { MOVEMENT_LOWERINGS } from '../lower/movement.js';
import { withCore } from './core.js';

export const LAYOUT_SHADERS = withCore(() => ({
  ...IMAGE_LOWERINGS,
  ...MIRROR_LOWERINGS,
  ...MOVEMENT_LOWERINGS,
}));
