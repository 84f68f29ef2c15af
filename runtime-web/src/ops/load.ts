import {
  type FamilyName,
  familiesOf,
  type OpName,
  type OpRecords,
  type Vocabulary,
} from '@linnet/schema';
import { fetchPart } from '../base.js';
import { hasIntegers } from '../lower/numerics.js';
import type { Rewrites } from '../plan/rewrites.js';
import type { CarryOut } from '../run/host-ops.js';
import type { ByteDot } from '../wasm/dot.js';
import type { SparseKernels } from '../wasm/lower/sparse-kernels.js';
import { CORE } from './core.js';
import type { FamilyPart, Lowerings, OpFamily } from './family.js';

/** What the runtime knows of the ops of some families. */
export interface LoadedOps {
  readonly records: OpRecords;
  readonly rewrites: Rewrites;
  /** Carries out the host's ops; null where there are none. */
  readonly carryOut: CarryOut | null;
  /** On machines with a dot product of some kind, by default this one's. */
  lowerings(dot?: ByteDot, sparse?: SparseKernels | null): Partial<Lowerings<OpName>>;
}

/** A new family is a line here. */
const FAMILIES: { readonly [F in Exclude<FamilyName, 'core'>]: () => Promise<FamilyPart<F>> } = {
  batched: () => import('./batched.js'),
  window: () => import('./window.js'),
  movement: () => import('./movement.js'),
  layout: () => import('./layout.js'),
  reduction: () => import('./reduction.js'),
  recurrent: () => import('./recurrent.js'),
  selection: () => import('./selection.js'),
  control: () => import('./control.js'),
};

/**
 * Loads the families of a vocabulary's ops, `core`, and what integers take.
 *
 * @throws LinnetError of code IO
 */
export async function loadOps({ ops, dtypes }: Vocabulary): Promise<LoadedOps> {
  const names = familiesOf(ops).filter((name) => name !== 'core');
  const [integers, ...parts] = await fetchPart(() =>
    Promise.all([
      hasIntegers(dtypes) ? import('./integers.js') : null,
      ...names.map((name): Promise<FamilyPart<never>> => FAMILIES[name]()),
    ]),
  );
  // The core last, so that fusions with ops of other families are tried first.
  const families: readonly OpFamily<never>[] = [...parts.map(({ family }) => family), CORE];
  return {
    records: Object.assign({}, ...families.map(({ records }) => records)),
    rewrites: {
      fusions: families.flatMap(({ rewrites }) => rewrites?.fusions ?? []),
      findViews: families.map(({ rewrites }) => rewrites?.findViews).find(Boolean) ?? null,
    },
    carryOut: families.map(({ carryOut }) => carryOut).find(Boolean) ?? null,
    lowerings: (dot, sparse = null) => {
      const kernels = integers?.integerKernels(dot ?? integers.probeByteDot(), sparse) ?? null;
      const extras = { integers: kernels, sparse };
      return Object.assign({}, ...families.map((family) => family.lowerings(extras)));
    },
  };
}

/**
 * The same for weights that are zero to a great part.
 *
 * @throws LinnetError of code IO
 */
export async function withSparse(ops: LoadedOps): Promise<LoadedOps> {
  const { SPARSE_KERNELS } = await fetchPart(() => import('./sparse.js'));
  return { ...ops, lowerings: (dot) => ops.lowerings(dot, SPARSE_KERNELS) };
}
