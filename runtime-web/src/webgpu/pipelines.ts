import { LinnetError } from '@linnet/schema';
import { STAGE_COMPUTE } from './usage.js';
import type { Shader } from './wgsl/kernel.js';

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** The pipelines of a device by their shaders' text: each is compiled once, whatever the models. */
export class PipelineCache {
  readonly #pipelines = new Map<string, Promise<Pipeline>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(readonly device: GPUDevice) {}

  /**
   * The pipeline of a shader, compiled off this thread.
   *
   * @throws LinnetError of code INTERNAL for a shader that does not compile
   */
  get(shader: Shader): Promise<Pipeline> {
    const cached = this.#pipelines.get(shader.wgsl);
    if (cached !== undefined) return cached;
    const compiling = this.#compile(shader);
    this.#pipelines.set(shader.wgsl, compiling);
    compiling.catch(() => this.#pipelines.delete(shader.wgsl));
    return compiling;
  }

  async #compile({ label, wgsl, access, params, faults }: Shader): Promise<Pipeline> {
    const layout = this.#layout(access, params.length > 0, faults);
    const module = this.device.createShaderModule({ label, code: wgsl });
    try {
      const pipeline = await this.device.createComputePipelineAsync({
        label,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      });
      return { pipeline, layout };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LinnetError(
        'INTERNAL',
        `The shader "${label}" does not compile: ${reason}`,
        {},
        ['This is a defect in Linnet or in the driver; please report it with the model.'],
        { cause },
      );
    }
  }

  #layout(access: Shader['access'], hasParams: boolean, faults: boolean): GPUBindGroupLayout {
    const key = `${access.join()} ${hasParams} ${faults}`;
    const types: GPUBufferBindingType[] = access.map((kind) =>
      kind === 'read' ? 'read-only-storage' : 'storage',
    );
    if (hasParams) types.push('uniform');
    if (faults) types.push('storage');
    const layout =
      this.#layouts.get(key) ??
      this.device.createBindGroupLayout({
        entries: types.map((type, binding) => ({
          binding,
          visibility: STAGE_COMPUTE,
          buffer: { type },
        })),
      });
    this.#layouts.set(key, layout);
    return layout;
  }
}
