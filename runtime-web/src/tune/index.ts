/** What is fetched where kernels are chosen by what has been measured. */
import type { Tuning } from '../api.js';
import type { Overrule } from '../plan/choice.js';
import type { Kernels } from '../wasm/kernels.js';
import { environmentOf } from './environment.js';
import { type Bench, measureChoices } from './measure.js';
import { addTo, overruleOf } from './tuning.js';

/**
 * What a tuning says about the environment at hand.
 *
 * @throws LinnetError of code INVALID_ARGUMENT for what is no tuning
 */
export async function applyTuning(
  tuning: Tuning,
  { selection, module }: Kernels,
): Promise<Overrule> {
  return overruleOf(tuning, environmentOf(selection, await module));
}

/**
 * A tuning with what is measured of a model.
 *
 * @param tuning what is known already
 * @param open gives the model memory of its own
 */
export async function tuneChoices(
  tuning: Tuning | undefined,
  { selection, module }: Kernels,
  open: () => Promise<Bench>,
): Promise<Tuning> {
  const environment = environmentOf(selection, await module);
  // What is no tuning is found out before anything is measured.
  addTo(tuning, environment, new Map());
  return addTo(tuning, environment, await measureChoices(open));
}
