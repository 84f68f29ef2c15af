import { LinnetError } from '@linnet/schema';
import { fetchPart } from '../base.js';
import type { PicturePlan, PictureSource } from '../io/picture.js';
import type { TensorInfo } from '../io/tensor.js';
import { storageBytes } from '../model/storage.js';
import type { BackendMemory, BoundProgram, DeviceBackend, Peaks } from '../plan/backend.js';
import type { Program } from '../plan/plan.js';
import type { Gpu } from './device.js';
import { guarded } from './guarded.js';
import type { ShaderLowerings } from './lowering.js';
import { GpuMemory, STORAGE } from './memory.js';
import type { PictureReader } from './picture.js';
import { profileCode } from './profile-code.js';
import { bindProgram, type CompileProgress } from './program.js';
import { ShaderTarget } from './target.js';
import { GpuTensor } from './tensor.js';
import { BUFFER } from './usage.js';
import { assemble, type Shader } from './wgsl/kernel.js';
import { accessOf, type StoredDType } from './wgsl/storage.js';

/** Runs programs as compute shaders. */
export class WebGpuBackend extends ShaderTarget implements DeviceBackend<Shader> {
  readonly #memory: GpuMemory;
  readonly #bound = new Set<string>();
  /** Made for the first picture. */
  #reader: Promise<PictureReader> | null = null;
  #peaks: Promise<Peaks> | null = null;
  /** Where inputs' pictures are, by the inputs' names. */
  readonly #pictures = new Map<string, GPUBuffer>();

  constructor(
    readonly gpu: Gpu,
    lowerings: ShaderLowerings,
    readonly onCompiled: CompileProgress,
    readonly halves: boolean,
  ) {
    super({ ...gpu.traits, hasF16: halves }, lowerings);
    this.#memory = new GpuMemory(gpu.device);
  }

  get description(): string {
    return this.gpu.description;
  }

  get isProven(): boolean {
    return [...this.#bound].every((wgsl) => this.gpu.proven.has(wgsl));
  }

  prove(): void {
    for (const wgsl of this.#bound) this.gpu.proven.add(wgsl);
  }

  get device(): GPUDevice {
    return this.gpu.device;
  }

  /** @throws LinnetError of code INVALID_ARGUMENT for a buffer that cannot be copied from */
  adopt(buffer: GPUBuffer, byteLength: number): GpuTensor {
    if ((buffer.usage & BUFFER.COPY_SRC) === 0) {
      const message = 'A buffer for an input needs the usage GPUBufferUsage.COPY_SRC.';
      throw new LinnetError('INVALID_ARGUMENT', message);
    }
    return new GpuTensor(this.#memory, buffer, byteLength);
  }

  upload(bytes: Uint8Array): GpuTensor {
    const tensor = this.#memory.tensor(bytes.length);
    this.#memory.write(tensor.buffer, bytes);
    return tensor;
  }

  async readPicture(
    { name, dtype }: TensorInfo,
    source: PictureSource,
    plan: PicturePlan,
  ): Promise<GpuTensor> {
    const type = { dtype, shape: [plan.height, plan.width, plan.channels] };
    const bytes = storageBytes(type);
    const kept = this.#pictures.get(name);
    const buffer =
      kept !== undefined && kept.size >= bytes
        ? kept
        : this.#memory.create('picture', bytes, STORAGE);
    if (kept !== undefined && kept !== buffer) this.#memory.destroy(kept);
    this.#pictures.set(name, buffer);
    this.#reader ??= this.#openReader();
    const reader = await this.#reader;
    const convert = await reader.prepare(source, plan, dtype as StoredDType, buffer);
    await guarded(this.gpu.device, async () => convert());
    return new GpuTensor(this.#memory, buffer, bytes);
  }

  async #openReader(): Promise<PictureReader> {
    const { PictureReader } = await fetchPart(() => import('./picture.js'));
    return new PictureReader(this.gpu, this.#memory, (dtype) => accessOf(dtype, 4));
  }

  bind(program: Program<Shader>): Promise<BoundProgram> {
    for (const { calls } of program.segments) {
      for (const { work } of calls) this.#bound.add(work.wgsl);
    }
    return bindProgram(this.gpu, this.#memory, program, this.onCompiled);
  }

  resetState(): void {
    this.#memory.resetState();
  }

  memory(): BackendMemory {
    const { constants, state, total } = this.#memory;
    return { constants, state, total };
  }

  peaks(): Promise<Peaks> {
    const bind = (program: Program<Shader>) =>
      bindProgram(this.gpu, this.#memory, program, () => {});
    this.#peaks ??= profileCode().then(({ measurePeaks }) =>
      measurePeaks({ traits: this.traits, assemble, bind }),
    );
    return this.#peaks;
  }

  dispose(): void {
    this.#reader?.then((reader) => reader.dispose()).catch(() => {});
    this.#memory.destroyAll();
  }
}
