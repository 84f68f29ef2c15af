/** What is fetched where kernels are chosen by what has been measured. */
import type { Tuning } from '../api.js';
import type { Overrule } from '../plan/choice.js';
import type { Kernels } from '../wasm/kernels.js';
import { deviceEnvironmentOf, environmentOf } from './environment.js';
import { type Bench, measureChoices } from './measure.js';
import { addTo, overruleOf } from './tuning.js';

/** What a tuning says where there is a device, by what that calls itself, or none. */
export type Applied = (device: string | null) => Overrule;

/**
 * What a tuning says about the environment at hand. Names of decisions are of one backend alone.
 *
 * @throws LinnetError of code INVALID_ARGUMENT for what is no tuning
 */
export async function applyTuning(
  tuning: Tuning,
  { selection, module }: Kernels,
): Promise<Applied> {
  const host = overruleOf(tuning, environmentOf(selection, await module));
  return (description) => {
    if (description === null) return host;
    const device = overruleOf(tuning, deviceEnvironmentOf(description));
    return (signature, decision) => device(signature, decision) ?? host(signature, decision);
  };
}

/**
 * A tuning with what is measured of a model.
 *
 * @param tuning what is known already
 * @param device what the device calls itself that runs the model; null: there is none
 * @param open gives the model memory of its own
 */
export async function tuneChoices(
  tuning: Tuning | undefined,
  { selection, module }: Kernels,
  device: string | null,
  open: () => Promise<Bench>,
): Promise<Tuning> {
  const environment =
    device === null ? environmentOf(selection, await module) : deviceEnvironmentOf(device);
  // What is no tuning is found out before anything is measured.
  addTo(tuning, environment, new Map());
  return addTo(tuning, environment, await measureChoices(open));
}
