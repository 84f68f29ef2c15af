import v8 from 'node:v8';
import { type Build, loadModel, type TensorInput } from '@linnet/runtime-web';
import { read } from '@linnet/schema';
import { ReferenceModel } from '../../../converter/dist/reference/model.js';
import type { Case, Value } from './build.js';

/** Something that runs cases. It owns no expectation, only the list of what it cannot do. */
export interface Backend {
  readonly name: string;
  /** Why it cannot run here. */
  readonly skip?: string;
  /** Cases that are known to fail, by name, with the reason. */
  readonly ignore: Readonly<Record<string, string>>;
  /** The outputs after `runs` runs on the same inputs, in order. */
  run(subject: Case): Promise<readonly Value[]>;
}

export const referenceBackend: Backend = {
  name: 'reference',
  ignore: {},
  run: async ({ bytes, inputs, runs }) => {
    const model = new ReferenceModel(read(bytes));
    let outputs: readonly Value[] = [];
    for (let run = 0; run < runs; run++) outputs = Object.values(model.run(inputs));
    return outputs;
  },
};

/** How many threads the threaded builds run on: uneven shares, and yet few workers to start. */
const THREADS = 2;

/** The builds of the kernels, each with what the engine needs to prefer it. */
const BUILDS: { readonly [B in Build]: { readonly threads: number; readonly flag?: string } } = {
  simd: { threads: 1 },
  relaxed: { threads: 1, flag: '--experimental-wasm-relaxed-simd' },
  'simd-threads': { threads: THREADS },
  'relaxed-threads': { threads: THREADS, flag: '--experimental-wasm-relaxed-simd' },
};

/**
 * The runtime on one build of the kernels. Flags hold for the whole process, so that each build
 * needs one of its own. Engines that prefer another build skip: newer ones always have relaxed SIMD.
 */
export async function wasmBackend(
  build: Build,
  probe: Case,
  ignore: Readonly<Record<string, string>> = {},
): Promise<Backend> {
  const { threads, flag } = BUILDS[build];
  if (flag !== undefined) v8.setFlagsFromString(flag);
  const probed = await loadModel(probe.bytes, { threads });
  const preferred = probed.info.build;
  probed.dispose();
  return {
    name: `wasm ${build}`,
    ignore,
    ...(preferred !== build && { skip: `this engine runs the build ${preferred}` }),
    run: async ({ bytes, inputs, runs }) => {
      const model = await loadModel(bytes, { threads });
      try {
        let outputs: readonly Value[] = [];
        for (let run = 0; run < runs; run++) {
          outputs = Object.values(await model.run(inputs as readonly TensorInput[]));
        }
        return outputs;
      } finally {
        model.dispose();
      }
    },
  };
}
