import type { DType } from '@linnet/schema';
import { LinnetError } from '../base.js';
import { LUMINANCE, type PicturePlan, type PictureSource } from '../io/picture.js';
import type { OutsidePicture } from '../io/platform.js';
import type { Gpu } from './device.js';
import type { GpuMemory } from './memory.js';
import { BUFFER, STAGE_COMPUTE, TEXTURE } from './usage.js';
import type { Access, StoredDType } from './wgsl/storage.js';

/** Invocations of a workgroup. */
const LINE = 64;

const PARAM_BYTES = 80;

/** Turns pictures into inputs on the GPU: crop, resize, normalize and quantize in one shader. */
export class PictureReader {
  readonly #pipelines = new Map<DType, Promise<GPUComputePipeline>>();
  /** The texture that pictures from outside are copied to; replaced when their size changes. */
  #texture: GPUTexture | null = null;

  constructor(
    readonly gpu: Gpu,
    readonly memory: GpuMemory,
    /** How shaders store four elements at a time. */
    readonly accessOf: (dtype: StoredDType) => Access,
  ) {}

  /** What queues the writing of a picture's elements to `target`. */
  async prepare(
    picture: PictureSource,
    plan: PicturePlan,
    dtype: StoredDType,
    target: GPUBuffer,
  ): Promise<() => void> {
    const pipeline = await this.#pipeline(dtype);
    const texture = 'createView' in picture ? picture : await this.#copy(picture, plan.size);
    return () => this.#convert(texture, pipeline, plan, target);
  }

  #convert(
    texture: GPUTexture,
    pipeline: GPUComputePipeline,
    plan: PicturePlan,
    target: GPUBuffer,
  ): void {
    const { device } = this.gpu;
    const groups = Math.ceil((plan.width * plan.height * plan.channels) / 4);
    const params = this.memory.create('picture', PARAM_BYTES, BUFFER.UNIFORM | BUFFER.COPY_DST);
    this.memory.write(params, paramsOf(plan, groups));
    const resources = [
      texture.createView(),
      device.createSampler({ magFilter: 'linear', minFilter: 'linear' }),
      { buffer: target },
      { buffer: params },
    ];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: resources.map((resource, binding) => ({ binding, resource })),
      }),
    );
    pass.dispatchWorkgroups(Math.ceil(groups / LINE));
    pass.end();
    device.queue.submit([encoder.finish()]);
    this.memory.destroy(params);
  }

  dispose(): void {
    this.#texture?.destroy();
    this.#texture = null;
  }

  async #copy(source: OutsidePicture, [width, height]: PicturePlan['size']): Promise<GPUTexture> {
    const { device } = this.gpu;
    if (this.#texture?.width !== width || this.#texture.height !== height) {
      this.#texture?.destroy();
      this.#texture = device.createTexture({
        size: [width, height],
        format: 'rgba8unorm',
        usage: TEXTURE.TEXTURE_BINDING | TEXTURE.COPY_DST | TEXTURE.RENDER_ATTACHMENT,
      });
    }
    const texture = this.#texture;
    const copy = (from: OutsidePicture) =>
      device.queue.copyExternalImageToTexture({ source: from }, { texture }, [width, height]);
    try {
      copy(source);
    } catch {
      // Not every device takes frames of videos as they are.
      const bitmap = await createImageBitmap(source).catch((cause: Error) => {
        const message = `The picture cannot be read: ${cause.message}`;
        throw new LinnetError('INVALID_ARGUMENT', message, {}, [], { cause });
      });
      copy(bitmap);
      bitmap.close();
    }
    return texture;
  }

  #pipeline(dtype: StoredDType): Promise<GPUComputePipeline> {
    const { device } = this.gpu;
    const kept = this.#pipelines.get(dtype);
    if (kept !== undefined) return kept;
    const layout = device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: STAGE_COMPUTE, texture: {} },
        { binding: 1, visibility: STAGE_COMPUTE, sampler: {} },
        { binding: 2, visibility: STAGE_COMPUTE, buffer: { type: 'storage' } },
        { binding: 3, visibility: STAGE_COMPUTE, buffer: { type: 'uniform' } },
      ],
    });
    const made = device.createComputePipelineAsync({
      label: 'picture',
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: {
        module: device.createShaderModule({ code: shaderOf(dtype, this.accessOf(dtype)) }),
        entryPoint: 'main',
      },
    });
    this.#pipelines.set(dtype, made);
    return made;
  }
}

/** Four elements of the input, of up to four pixels, per invocation. */
function shaderOf(dtype: StoredDType, { array, store }: Access): string {
  const isReal = dtype === 'float32';
  const [low, high] = dtype === 'int8' ? [-128, 127] : [0, 255];
  const value = isReal ? 'v' : `vec4<i32>(clamp(round(v), vec4(${low}.0), vec4(${high}.0)))`;
  return `
struct Params { scale: vec4<f32>, shift: vec4<f32>, crop: vec4<f32>, width: u32, height: u32, channels: u32, groups: u32 }
@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var smoothly: sampler;
@group(0) @binding(2) var<storage, read_write> y: array<${array}>;
@group(0) @binding(3) var<uniform> params: Params;
fn element(at: u32) -> f32 {
  let k = at % params.channels;
  let pixel = at / params.channels;
  let place = vec2<f32>(vec2(pixel % params.width, pixel / params.width)) + 0.5;
  let uv = params.crop.xy + place / vec2<f32>(vec2(params.width, params.height)) * params.crop.zw;
  let rgba = textureSampleLevel(picture, smoothly, uv, 0.0) * 255.0;
  let luminance = dot(rgba.rgb, vec3<f32>(${LUMINANCE.join(', ')}));
  return select(rgba[k], luminance, params.channels == 1u) * params.scale[k] + params.shift[k];
}
@compute @workgroup_size(${LINE})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.groups) { return; }
  let at = 4u * id.x;
  let v = vec4<f32>(element(at), element(at + 1u), element(at + 2u), element(at + 3u));
  ${store?.('y', 'id.x', value)}
}`;
}

function paramsOf(
  { width, height, channels, crop, size, scale, shift }: PicturePlan,
  groups: number,
): Uint8Array {
  const bytes = new ArrayBuffer(PARAM_BYTES);
  const floats = new Float32Array(bytes);
  floats.set(scale, 0);
  floats.set(shift, 4);
  const [w, h] = size;
  floats.set([crop.left / w, crop.top / h, crop.width / w, crop.height / h], 8);
  new Uint32Array(bytes).set([width, height, channels, groups], 12);
  return new Uint8Array(bytes);
}
