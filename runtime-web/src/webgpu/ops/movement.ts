import { MOVEMENT_LOWERINGS } from '../lower/movement.js';
import type { ShaderFamily } from '../lowering.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: ShaderFamily = () => MOVEMENT_LOWERINGS;
