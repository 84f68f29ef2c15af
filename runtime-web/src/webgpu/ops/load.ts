import { type FamilyName, familiesOf, type Vocabulary } from '@linnet/schema';
import { fetchPart } from '../../base.js';
import { hasIntegers } from '../../lower/numerics.js';
import type { ShaderFamily, ShaderLowerings } from '../lowering.js';
import { CORE_SHADERS } from './core.js';

/** The families that have shaders, each fetched when a model has some of its ops. */
const FAMILIES: { readonly [F in FamilyName]?: () => Promise<ShaderFamily> } = {
  window: async () => (await import('./window.js')).WINDOW_SHADERS,
  movement: async () => (await import('./movement.js')).MOVEMENT_SHADERS,
  layout: async () => (await import('./layout.js')).LAYOUT_SHADERS,
  selection: async () => (await import('./selection.js')).SELECTION_SHADERS,
  reduction: async () => (await import('./reduction.js')).REDUCTION_SHADERS,
};

/**
 * Loads the shaders of the families of a vocabulary's ops, of `core`, and those of its dtypes' products.
 *
 * @throws LinnetError of code IO
 */
export async function loadShaders({ ops, dtypes }: Vocabulary): Promise<ShaderLowerings> {
  const [part, ...families] = await fetchPart(() =>
    Promise.all([
      hasIntegers(dtypes) ? import('./integers.js') : null,
      ...familiesOf(ops).map((family) => FAMILIES[family]?.()),
    ]),
  );
  const integers = part?.INTEGER_SHADERS ?? null;
  const lowerings = [CORE_SHADERS, ...families].map((family) => family?.(integers));
  return Object.assign({}, ...lowerings);
}
