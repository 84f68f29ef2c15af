import { BATCH_LOWERINGS } from '../lower/batches.js';
import { IMAGE_LOWERINGS } from '../lower/image.js';
import { MIRROR_LOWERINGS } from '../lower/mirror.js';
import { MOVEMENT_LOWERINGS } from '../lower/movement.js';
import type { ShaderFamily } from '../lowering.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: ShaderFamily = () => ({
  ...BATCH_LOWERINGS,
  ...IMAGE_LOWERINGS,
  ...MIRROR_LOWERINGS,
  ...MOVEMENT_LOWERINGS,
});
