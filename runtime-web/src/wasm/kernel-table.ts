import {
  KERNELS_SECTION,
  type KernelEntry,
  type KernelName,
  readKernels,
} from '@linnet/runtime-wasm';
import { LinnetError } from '@linnet/schema';

/** How the kernels of a module are called, as the module tells. */
export class KernelTable {
  readonly #entries: ReadonlyMap<string, KernelEntry>;

  /** @throws LinnetError of code ENVIRONMENT for a module that does not tell */
  constructor(module: WebAssembly.Module) {
    const [section] = WebAssembly.Module.customSections(module, KERNELS_SECTION);
    this.#entries = readKernels(section ?? refuse('do not tell how they are called'));
  }

  /** @throws LinnetError of code ENVIRONMENT where the module lacks it */
  of(kernel: KernelName): KernelEntry {
    return this.#entries.get(kernel) ?? refuse(`lack ${kernel}`);
  }
}

function refuse(why: string): never {
  throw new LinnetError('ENVIRONMENT', `The kernels ${why}: they are of another release.`, {}, [
    'Serve the .wasm files of the same release as the scripts.',
  ]);
}
