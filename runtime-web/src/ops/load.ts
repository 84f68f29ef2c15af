import {
  type FamilyName,
  familiesOf,
  type OpName,
  type OpRecords,
  type Vocabulary,
} from '@linnet/schema';
import type { SparsityReader } from '@linnet/schema/sparsity';
import { fetchPart } from '../base.js';
import { hasIntegers } from '../lower/numerics.js';
import type { ConstantReaders } from '../model/constants.js';
import type { Rewrites } from '../plan/rewrites.js';
import type { ByteDot } from '../wasm/dot.js';
import type { SparseKernels } from '../wasm/lower/sparse-kernels.js';
import { CORE } from './core.js';
import type { FamilyPart, HostControl, Lowerings, OpFamily } from './family.js';

/** What the runtime knows of the ops of some families. */
export interface LoadedOps {
  readonly records: OpRecords;
  readonly rewrites: Rewrites;
  /** Null where no op calls subgraphs or is the host's. */
  readonly control: HostControl | null;
  /** Null where constants are stored with their zeros. */
  readonly readSparsity: SparsityReader | null;
  readonly constantReaders: ConstantReaders;
  /** On machines with a dot product of some kind, by default this one's. */
  lowerings(dot?: ByteDot, sparse?: SparseKernels | null): Partial<Lowerings<OpName>>;
}

/** A new family is a line here. */
const FAMILIES: { readonly [F in Exclude<FamilyName, 'core'>]: () => Promise<FamilyPart<F>> } = {
  batched: () => import('./batched.js'),
  elementwise: () => import('./elementwise.js'),
  window: () => import('./window.js'),
  transposed: () => import('./transposed.js'),
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
export async function loadOps({ ops, dtypes, hasSparsity }: Vocabulary): Promise<LoadedOps> {
  const names = familiesOf(ops).filter((name) => name !== 'core');
  const [storage, integers, ...parts] = await fetchPart(() =>
    Promise.all([
      hasSparsity ? import('./sparse-storage.js') : null,
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
    readSparsity: storage?.readSparsity ?? null,
    constantReaders: {
      densify: storage?.densify ?? null,
      readBlocks: integers?.readBlocks ?? null,
    },
    control: families.map(({ control }) => control).find(Boolean) ?? null,
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
