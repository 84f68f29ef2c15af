/** What the runtime knows of families of ops, each a module that is only fetched for models that have some. */
import type { FamilyName, OpName, OpRecord, OpsOf, OptionsOf } from '@linnet/schema';
import type { ControlFlow } from '../model/control.js';
import type { Rewrites } from '../plan/rewrites.js';
import type { CarryOut } from '../run/host-ops.js';
import type { Extras } from '../wasm/lower/extras.js';
import type { Lowering } from '../wasm/lowering.js';

/** How ops run on WASM; 'structural' are those that planning or the host does away with. */
export type Lowerings<N extends OpName> = { readonly [K in N]: Lowering<K> | 'structural' };

/** How nodes are understood that call subgraphs, and what carries out those that are the host's. */
export interface HostControl extends ControlFlow {
  readonly carryOut: CarryOut;
}

/** What the runtime knows of the ops of a family. */
export interface OpFamily<F extends FamilyName> {
  readonly records: { readonly [K in OpsOf<F>]: OpRecord<OptionsOf<K>> };
  /** Given what only some models take. */
  lowerings(extras: Extras): Lowerings<OpsOf<F>>;
  /** Those that begin with ops of the family. */
  readonly rewrites?: Partial<Rewrites>;
  /** For those of its ops that call subgraphs or are the host's. */
  readonly control?: HostControl;
}

/** A module that is fetched when a model needs it; runtime.ts says why it exports that. */
export interface Part {
  readonly RUNTIME: readonly unknown[];
}

export interface FamilyPart<F extends FamilyName> extends Part {
  readonly family: OpFamily<F>;
}
