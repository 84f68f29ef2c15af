import { mean } from '../lower/layer-normalization.js';
import { REDUCTION_LOWERINGS } from '../lower/reduction.js';
import type { ShaderFamily } from '../lowering.js';

export { GPU_RUNTIME } from '../runtime.js';

export const shaders: ShaderFamily = () => ({ ...REDUCTION_LOWERINGS, MEAN: mean });
