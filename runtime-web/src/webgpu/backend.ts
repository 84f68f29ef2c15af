import type { OpName } from '@linnet/schema';
import { storageBytes } from '../model/storage.js';
import type { Backend, BackendMemory, BoundProgram, Peaks } from '../plan/backend.js';
import type { LowerSite, Operand, PlanEmitter } from '../plan/lowering.js';
import type { Program } from '../plan/plan.js';
import { shareSlots } from '../plan/slots.js';
import { acquireGpu, type Gpu } from './device.js';
import { LOWERINGS } from './lower/index.js';
import { type Lowering, shaderEmitter } from './lowering.js';
import { GpuMemory } from './memory.js';
import { bindProgram } from './program.js';
import type { Shader } from './wgsl/kernel.js';

/** Runs programs as compute shaders. */
export class WebGpuBackend implements Backend<Shader> {
  readonly name = 'webgpu';
  readonly layOut = shareSlots;
  readonly #memory: GpuMemory;

  constructor(readonly gpu: Gpu) {
    this.#memory = new GpuMemory(gpu.device);
  }

  /** @throws LinnetError of code ENVIRONMENT where there is no WebGPU, or no adapter */
  static async create(): Promise<WebGpuBackend> {
    return new WebGpuBackend(await acquireGpu());
  }

  isAlias(op: OpName): boolean {
    return lowering(op)?.alias === true;
  }

  supports(site: LowerSite<OpName>): boolean {
    const fits = (operand: Operand | null) =>
      operand === null || storageBytes(operand.type) <= this.gpu.traits.maxBindingBytes;
    return (
      [...site.inputs, ...site.outputs].every(fits) && lowering(site.op)?.supports(site) === true
    );
  }

  lower(site: LowerSite<OpName>, emit: PlanEmitter<Shader>): void {
    lowering(site.op)?.lower(site, shaderEmitter(emit, this.gpu.traits));
  }

  bind(program: Program<Shader>): Promise<BoundProgram> {
    return bindProgram(this.gpu, this.#memory, program);
  }

  /** State stays with the host's backend. */
  resetState(): void {}

  memory(): BackendMemory {
    const { constants, total } = this.#memory;
    return { constants, state: 0, total };
  }

  /** Not measured: vendors' peaks take kernels of their own to reach. */
  async peaks(): Promise<Peaks | null> {
    return null;
  }

  dispose(): void {
    this.#memory.destroyAll();
  }
}

/** How an op runs on the GPU; undefined where it does not. */
function lowering(op: OpName): Lowering<OpName> | undefined {
  return (LOWERINGS as { readonly [N in OpName]?: unknown })[op] as Lowering<OpName> | undefined;
}
