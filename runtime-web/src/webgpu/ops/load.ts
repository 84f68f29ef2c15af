import { type FamilyName, familiesOf, type OpName, type Vocabulary } from '@linnet/schema';
import { fetchPart } from '../../base.js';
import { hasIntegers } from '../../lower/numerics.js';
import type { IntegerShaders } from '../lower/integers.js';
import type { Lowering, ShaderFamily, ShaderLowerings } from '../lowering.js';
import { CORE_SHADERS } from './core.js';

interface ShaderPart {
  readonly GPU_RUNTIME: readonly unknown[];
  readonly shaders: ShaderFamily;
}

/** The families that have shaders, each fetched when a model has some of its ops. */
const FAMILIES: { readonly [F in FamilyName]?: () => Promise<ShaderPart> } = {
  batched: () => import('./batched.js'),
  elementwise: () => import('./elementwise.js'),
  window: () => import('./window.js'),
  movement: () => import('./movement.js'),
  layout: () => import('./layout.js'),
  selection: () => import('./selection.js'),
  reduction: () => import('./reduction.js'),
  recurrent: () => import('./recurrent.js'),
};

/** Ops whose shaders are fetched for models that have them, not with their families. */
const RARE = [
  'ADD_N',
  'ATAN2',
  'BITWISE_XOR',
  'CONV_3D',
  'CUMSUM',
  'DYNAMIC_UPDATE_SLICE',
  'L2_NORMALIZATION',
  'LOCAL_RESPONSE_NORMALIZATION',
  'RIGHT_SHIFT',
  'TOPK_V2',
  'TRANSPOSE_CONV',
] as const satisfies readonly OpName[];

/** The shaders of rare ops, given those for integers for models that have some. */
export type RareShaders = (integers: IntegerShaders | null) => {
  readonly [N in (typeof RARE)[number]]: Lowering<N>;
};

/**
 * Loads the shaders of the families of a vocabulary's ops, of `core`, and of integers.
 *
 * @throws LinnetError of code IO
 */
export async function loadShaders({ ops, dtypes }: Vocabulary): Promise<ShaderLowerings> {
  const [part, ...parts] = await fetchPart(() =>
    Promise.all([
      hasIntegers(dtypes) ? import('./integers.js') : null,
      RARE.some((op) => ops.has(op)) ? import('./rare.js') : undefined,
      ...familiesOf(ops).map((family) => FAMILIES[family]?.()),
    ]),
  );
  const integers = part?.INTEGER_SHADERS ?? null;
  const lowerings = parts.map((family) => family?.shaders(integers));
  return Object.assign({}, CORE_SHADERS(integers), ...lowerings);
}
