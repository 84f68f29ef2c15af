import { LinnetError } from '@linnet/schema';
import { isNode } from '../base.js';
import { PipelineCache } from './pipelines.js';
import type { Traits } from './traits.js';

/** A device with what is kept for it. */
export interface Gpu {
  /** Held because Dawn does not survive that an entry is collected before its devices. */
  readonly entry: GPU;
  readonly device: GPUDevice;
  readonly traits: Traits;
  readonly pipelines: PipelineCache;
  /** Texts of shaders that have computed rightly on it. */
  readonly proven: Set<string>;
  /** What the adapter calls itself. */
  readonly description: string;
  /** Why the device is gone; undefined while it is there. */
  lost: string | undefined;
}

/** Limits that are asked for as high as the adapter has them. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupStorageSize',
] as const;

const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const;

let current: Promise<Gpu> | undefined;

/**
 * The device that all models share, so that each pipeline is compiled once; a new one after the last
 * was lost.
 *
 * @throws LinnetError of code ENVIRONMENT where there is no WebGPU, or no adapter
 */
export function acquireGpu(): Promise<Gpu> {
  current = unlessLost(current);
  return current;
}

async function unlessLost(earlier: Promise<Gpu> | undefined): Promise<Gpu> {
  const shared = await earlier?.catch(() => undefined);
  return shared !== undefined && shared.lost === undefined ? shared : openGpu(await findGpu());
}

/** The environment's entry to WebGPU: the browser's, or in Node the `webgpu` package's. */
async function findGpu(): Promise<GPU> {
  const { gpu } = (globalThis.navigator ?? {}) as { readonly gpu?: GPU };
  if (gpu !== undefined) return gpu;
  if (!isNode()) {
    throw unavailable('this browser, or a page that is not served over HTTPS, has none', [
      'Use a browser with WebGPU and a secure origin, or the backend "wasm".',
    ]);
  }
  // A name that bundlers do not follow: the package is the user's choice.
  const name = 'webgpu';
  try {
    const { create } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
      create(options: readonly string[]): GPU;
    };
    return create([]);
  } catch (cause) {
    const remedy = 'Install it (npm install webgpu), or use the backend "wasm".';
    throw unavailable('Node has it only with the package "webgpu"', [remedy], cause);
  }
}

/** Opens a device of an entry to WebGPU. */
export async function openGpu(entry: GPU): Promise<Gpu> {
  const adapter = await entry.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw unavailable('there is no adapter, because no GPU is fit for it or it is turned off', [
      'Update the graphics driver, or use the backend "wasm".',
    ]);
  }
  const { limits, info } = adapter;
  const device = await adapter
    .requestDevice({
      requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, limits[name]])),
    })
    .catch((cause: unknown) => {
      throw unavailable('the adapter gives no device', [], cause);
    });
  const { wgslLanguageFeatures } = entry;
  const isSoftware = info.isFallbackAdapter === true || info.architecture === 'swiftshader';
  const gpu: Gpu = {
    entry,
    device,
    traits: {
      hasF16: device.features.has('shader-f16') && !isSoftware,
      hasSubgroups: device.features.has('subgroups'),
      isSoftware,
      hasByteDot: wgslLanguageFeatures?.has('packed_4x8_integer_dot_product') ?? false,
      maxBindingBytes: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
      maxBindings: limits.maxStorageBuffersPerShaderStage,
      maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
      maxSharedBytes: limits.maxComputeWorkgroupStorageSize,
    },
    pipelines: new PipelineCache(device),
    proven: new Set(),
    description: [info.vendor, info.architecture, info.description].filter(Boolean).join(' '),
    lost: undefined,
  };
  device.lost.then(({ reason, message }) => {
    gpu.lost = message || reason;
  });
  return gpu;
}

function unavailable(why: string, notes: readonly string[], cause?: unknown): LinnetError {
  return new LinnetError('ENVIRONMENT', `WebGPU cannot be used: ${why}.`, {}, notes, { cause });
}
