import { RECURRENT_LOWERINGS } from '../lower/recurrent.js';
import type { ShaderFamily } from '../lowering.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: ShaderFamily = () => RECURRENT_LOWERINGS;
