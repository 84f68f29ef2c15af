/** What constants take that are stored without their zeros. */

export { readSparsity } from '@linnet/schema/sparsity';
export { densify } from '../model/densify.js';
export { RUNTIME } from '../runtime.js';
