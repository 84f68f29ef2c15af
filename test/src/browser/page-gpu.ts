/** The side of the WebGPU tests that runs in the page: GPUs that do not do, in all the ways they can. */
import { LinnetError, type LoadOptions, loadModel } from '@linnet/runtime-web';

export interface GpuAnswer {
  readonly backend: string;
  readonly fallback: string | null;
  readonly y: readonly number[];
}

/** What is wrong with the GPU of a page, from when it is broken on. */
const FAULTS = {
  nothing() {},
  'no WebGPU'() {
    replaceGpu(undefined);
  },
  'no adapter'() {
    GPU.prototype.requestAdapter = async () => null;
  },
  'no device'() {
    GPUAdapter.prototype.requestDevice = async () => {
      throw new DOMException('refused', 'OperationError');
    };
  },
  'small limits'() {
    const { get } = Object.getOwnPropertyDescriptor(
      GPUSupportedLimits.prototype,
      'maxStorageBufferBindingSize',
    ) as { get(): number };
    Object.defineProperty(GPUSupportedLimits.prototype, 'maxStorageBufferBindingSize', {
      get(this: GPUSupportedLimits) {
        return Math.min(get.call(this), 1024);
      },
    });
  },
  'out of memory'() {
    GPUDevice.prototype.popErrorScope = async () => new GPUOutOfMemoryError('no memory');
  },
  'wrong numbers'() {
    const { createShaderModule } = GPUDevice.prototype;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      const code = descriptor.code.replace('exp(a)', '(exp(a) + 1.0)');
      return createShaderModule.call(this, { ...descriptor, code });
    };
  },
  'numbers that are none'() {
    const { createShaderModule } = GPUDevice.prototype;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      const nan = 'bitcast<vec4<f32>>(bitcast<vec4<u32>>(a) | vec4<u32>(0x7fc00000u))';
      const code = descriptor.code.replace(
        'y_store(index, bounded_tanh(a))',
        `y_store(index, ${nan})`,
      );
      return createShaderModule.call(this, { ...descriptor, code });
    };
  },
  'shaders that do not compile'() {
    const { createShaderModule } = GPUDevice.prototype;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      return createShaderModule.call(this, { ...descriptor, code: 'no shader' });
    };
  },
};

export type GpuFault = keyof typeof FAULTS;

function replaceGpu(gpu: unknown): void {
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
}

/** Devices are told apart by when they were made. */
const devices: GPUDevice[] = [];
function followDevices(): void {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    devices.push(device);
    return device;
  };
}

/** Loads and runs a model on a GPU with a fault; the error's code where that fails. */
export async function runOnFaultyGpu(
  url: string,
  fault: GpuFault,
  backend: LoadOptions['backend'],
  x: readonly number[],
): Promise<GpuAnswer | string> {
  FAULTS[fault]();
  try {
    const model = await loadModel(url, backend ? { backend } : {});
    const { y } = await model.run([x]);
    const { backend: used, fallback } = model.info;
    model.dispose();
    return { backend: used, fallback, y: Array.from(y?.data as Float32Array) };
  } catch (error) {
    return error instanceof LinnetError ? error.code : `not a LinnetError: ${error}`;
  }
}

/** Runs a model whose device goes away while it runs, after which there may be none any more. */
export async function runOnLostGpu(
  url: string,
  comesBack: boolean,
  x: readonly number[],
): Promise<readonly GpuAnswer[]> {
  followDevices();
  const model = await loadModel(url, { backend: 'webgpu' });
  const answers: GpuAnswer[] = [];
  for (const loses of [false, true, false]) {
    const running = model.run([x]);
    if (loses) {
      if (!comesBack) FAULTS['no adapter']();
      devices.at(-1)?.destroy();
    }
    const { y } = await running;
    const { backend, fallback } = model.info;
    answers.push({ backend, fallback, y: Array.from(y?.data as Float32Array) });
  }
  model.dispose();
  return answers;
}

/** The buffers that are left of cycles of loading, running and disposing, after each. */
export async function buffersAfterCycles(
  url: string,
  cycles: number,
  x: readonly number[],
): Promise<readonly number[]> {
  const alive = new Set<GPUBuffer>();
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    alive.delete(this);
    return destroy.call(this);
  };
  const counts: number[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    const model = await loadModel(url, { backend: 'webgpu' });
    await model.run([x]);
    model.dispose();
    counts.push(alive.size);
  }
  return counts;
}
