/** What the runtime knows of families of ops, each a module that is only fetched for models that have some. */
import type { FamilyName, OpName, OpRecord, OpsOf, OptionsOf } from '@linnet/schema';
import type { Rewrites } from '../plan/rewrites.js';
import type { CarryOut } from '../run/host-ops.js';
import type { IntegerProducts } from '../wasm/lower/integers.js';
import type { Lowering } from '../wasm/lowering.js';

/** How ops run on WASM; 'structural' are those that planning or the host does away with. */
export type Lowerings<N extends OpName> = { readonly [K in N]: Lowering<K> | 'structural' };

/** What the runtime knows of ops of any families. */
export interface KnownOps<N extends OpName> {
  readonly records: { readonly [K in N]: OpRecord<OptionsOf<K>> };
  /** Given what products of integers take, for models that have some. */
  lowerings(integers: IntegerProducts | null): Lowerings<N>;
}

export interface OpFamily<F extends FamilyName> extends KnownOps<OpsOf<F>> {
  /** Those that begin with ops of the family. */
  readonly rewrites?: Partial<Rewrites>;
  /** Carries out those of its ops that are the host's. */
  readonly carryOut?: CarryOut;
}
