import { type FamilyName, familiesOf, type OpName } from '@linnet/schema';
import { fetchPart } from '../../base.js';
import type { ShaderLowerings } from '../lowering.js';
import { CORE_SHADERS } from './core.js';

/** The families that have shaders, each fetched when a model has some of its ops. */
const FAMILIES: { readonly [F in FamilyName]?: () => Promise<ShaderLowerings> } = {
  window: async () => (await import('./window.js')).WINDOW_SHADERS,
  movement: async () => (await import('./movement.js')).MOVEMENT_SHADERS,
  layout: async () => (await import('./layout.js')).LAYOUT_SHADERS,
  selection: async () => (await import('./selection.js')).SELECTION_SHADERS,
  reduction: async () => (await import('./reduction.js')).REDUCTION_SHADERS,
};

/**
 * Loads the shaders of the families that some ops are of, and of `core`.
 *
 * @throws LinnetError of code IO
 */
export async function loadShaders(ops: ReadonlySet<OpName>): Promise<ShaderLowerings> {
  const families = await fetchPart(() =>
    Promise.all(familiesOf(ops).map((family) => FAMILIES[family]?.())),
  );
  return Object.assign({}, CORE_SHADERS, ...families);
}
