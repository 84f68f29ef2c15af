/** What makes the GPU of a page one that does not do, or that seems to do more than it does. */

/** What is wrong with the GPU of a page, from when it is broken on. */
export const FAULTS = {
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

/** Has adapters do no more than every device can, and look like hardware. */
export function hideFeatures(): void {
  const nothing = { get: () => new Set() };
  Object.defineProperty(GPU.prototype, 'wgslLanguageFeatures', nothing);
  Object.defineProperty(GPUAdapter.prototype, 'features', nothing);
  Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => ({ vendor: 'plain' }) });
}

/**
 * Has adapters look like hardware that computes in float16, by shaders that do so in float32: weights are float16 all the
 * same. Where it `isBroken`, elements become NaN on their way to float16.
 */
export function pretendHalves(isBroken: boolean): void {
  const shaderF16 = 'shader-f16' as GPUFeatureName;
  for (const owner of [GPUAdapter.prototype, GPUDevice.prototype]) {
    const { get } = Object.getOwnPropertyDescriptor(owner, 'features') as { get(): Set<string> };
    Object.defineProperty(owner, 'features', {
      get(this: GPUAdapter) {
        return new Set([...get.call(this), shaderF16]);
      },
    });
  }
  Object.defineProperty(GPUAdapter.prototype, 'info', { get: () => ({ vendor: 'pretended' }) });
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = function ({ requiredFeatures = [], ...rest } = {}) {
    const features = [...requiredFeatures].filter((feature) => feature !== shaderF16);
    return requestDevice.call(this, { ...rest, requiredFeatures: features });
  };
  const { createShaderModule } = GPUDevice.prototype;
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    if (!descriptor.code.startsWith('enable f16;')) {
      return createShaderModule.call(this, descriptor);
    }
    const code = descriptor.code
      .replace('enable f16;', '')
      .replace('w: array<vec4<f16>>', 'w: array<vec2<u32>>')
      .replace(
        '{ return w[i]; }',
        '{ return vec4<f32>(unpack2x16float(w[i].x), unpack2x16float(w[i].y)); }',
      )
      .replace(
        'return vec4<f16>(v);',
        isBroken
          ? 'return bitcast<vec4<f32>>(bitcast<vec4<u32>>(v) | vec4(0x7fc00000u));'
          : 'return v;',
      )
      .replaceAll('f16', 'f32');
    return createShaderModule.call(this, { ...descriptor, code });
  };
}
