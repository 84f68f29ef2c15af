/** Measuring which kernels are the fastest, of which programs that only run models have no part. */
import type { ModelInputs, Tuning } from './api.js';
import type { TuneOptions } from './load-options.js';
import { Resources } from './model/resources.js';
import type { DeviceBackend } from './plan/backend.js';
import { deviceOpener, readExecutable } from './prepare.js';
import type { DeviceOpener } from './run/choose.js';
import { Engine } from './run/engine.js';
import { Guard } from './run/guard.js';
import { LoadedModel } from './run/model.js';
import { tuneChoices } from './tune/index.js';
import { WasmBackend } from './wasm/backend.js';
import type { Kernels } from './wasm/kernels.js';

/** See `tuneModel`. */
export async function tune(
  bytes: Uint8Array,
  kernels: Kernels,
  inputs: ModelInputs,
  { backend, signal, signature, tuning, externalFiles }: TuneOptions,
): Promise<Tuning> {
  const { vocabulary, ops, model } = await readExecutable(bytes, externalFiles);
  const openDevice = deviceOpener(vocabulary);
  const first = backend === 'webgpu' ? await openDevice(true) : null;
  const description = first?.description ?? null;
  first?.dispose();
  return tuneChoices(tuning, kernels, description, async () => {
    const constantBytes = backend === 'webgpu' ? 0 : bytes.length;
    const devices: DeviceBackend[] = [];
    const openNext: DeviceOpener = async (halves) => {
      const device = await openDevice(halves);
      devices.push(device);
      return device;
    };
    const device = backend === 'webgpu' ? await openNext(true) : null;
    const host = await WasmBackend.create({ kernels, ops, constantBytes, signal });
    return {
      variant: (overrule) => {
        const backends = { host, device };
        const engine = new Engine(model, new Resources(), new Guard(), backends, overrule);
        const loaded = new LoadedModel({ engine, reason: 'to tune' }, openNext);
        return {
          choices: () => loaded.info.choices,
          run: (record) => loaded.runRecorded(inputs, { signal, signature }, record),
        };
      },
      dispose: () => {
        host.dispose();
        // A run may have replaced the one that it began with.
        for (const each of devices) each.dispose();
      },
    };
  });
}
