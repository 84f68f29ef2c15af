/** The side of the WebGPU tests that runs in the page. */
import {
  type Choice,
  LinnetError,
  type LoadOptions,
  loadModel,
  type Model,
  type PictureInput,
  type TensorInput,
  type Tuning,
  tuneModel,
} from '@linnet/runtime-web';
import { FAULTS, type GpuFault, pretendHalves } from './gpu-faults.js';

export { hideFeatures } from './gpu-faults.js';

export interface GpuAnswer {
  readonly backend: string;
  readonly fallback: string | null;
  readonly y: readonly number[];
}

/** Runs a model, one input after the other, on a GPU that computes in float16. */
export async function runInHalves(
  url: string,
  isBroken: boolean,
  xs: readonly (readonly number[])[],
): Promise<readonly GpuAnswer[]> {
  pretendHalves(isBroken);
  using model = await loadModel(url, { backend: 'webgpu' });
  const answers: GpuAnswer[] = [];
  for (const x of xs) {
    const { y } = await model.run([x]);
    const { backend, fallback } = model.info;
    answers.push({ backend, fallback, y: Array.from(y?.data as Float32Array) });
  }
  return answers;
}

/** The same of inputs that are all given at once; outputs, or what became of a run. */
export async function runInHalvesTogether(
  url: string,
  xs: readonly (readonly number[])[],
): Promise<readonly (readonly number[] | string)[]> {
  pretendHalves(false);
  using model = await loadModel(url, { backend: 'webgpu' });
  return await Promise.all(
    xs.map((x) => model.run([x]).then(({ y }) => Array.from(y?.data as Float32Array), String)),
  );
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

/** Runs on sequences that are asked for at once, or what else may happen to a model that keeps state. */
export type StateAction = readonly (readonly number[])[] | 'reset' | 'lose';

export interface StateAnswer {
  /** Nodes on the GPU, and bytes that are kept from one run to the next. */
  readonly onGpu: number;
  readonly state: number;
  /** The last element of all runs' outputs; the error's code and notes where one failed. */
  readonly answers: readonly (number | string)[];
}

/** What a model on WebGPU answers, run after run; its input is [1, steps, 1]. */
export async function runWithState(
  url: string,
  fault: GpuFault,
  actions: readonly StateAction[],
): Promise<StateAnswer> {
  FAULTS[fault]();
  followDevices();
  using model = await loadModel(url, { backend: 'webgpu' });
  const answers: (number | string)[] = [];
  const run = async (x: readonly number[]): Promise<number | string> => {
    try {
      const { y } = await model.run([{ data: x, shape: [1, x.length, 1] }]);
      return Number(y?.data[x.length - 1]);
    } catch (error) {
      return error instanceof LinnetError ? [error.code, ...error.notes].join(': ') : `${error}`;
    }
  };
  for (const action of actions) {
    if (action === 'reset') model.resetVariables();
    else if (action === 'lose') {
      const running = run([0]);
      devices.at(-1)?.destroy();
      answers.push(await running);
    } else answers.push(...(await Promise.all(action.map(run))));
  }
  const { ops, memory } = model.info;
  return { onGpu: ops.reduce((sum, { onGpu }) => sum + onGpu, 0), state: memory.state, answers };
}

/** The buffers that are there, from now on. */
function followBuffers(): ReadonlySet<GPUBuffer> {
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
  return alive;
}

/** The buffers that are left of tuning a model on a GPU that computes in float16. */
export async function buffersAfterTuning(url: string, x: readonly number[]): Promise<number> {
  pretendHalves(false);
  const alive = followBuffers();
  await tuneModel(url, [x], { backend: 'webgpu' });
  return alive.size;
}

/** The buffers that are left of cycles of loading, running and disposing, after each. */
export async function buffersAfterCycles(
  url: string,
  cycles: number,
  x: readonly number[],
): Promise<readonly number[]> {
  const alive = followBuffers();
  const counts: number[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    const model = await loadModel(url, { backend: 'webgpu' });
    await model.run([x]);
    model.dispose();
    counts.push(alive.size);
  }
  return counts;
}

/** Of GPUBufferUsage and GPUTextureUsage, which the compiler's types leave out. */
const USAGE = {
  COPY_SRC: 0x04,
  STORAGE: 0x80,
  TEXTURE_COPY_DST: 0x02,
  TEXTURE_BINDING: 0x04,
} as const;

/** A buffer of a device with some numbers. */
function bufferOf(device: GPUDevice, x: readonly number[]): GPUBuffer {
  const size = 4 * x.length;
  const buffer = device.createBuffer({ size, usage: USAGE.COPY_SRC, mappedAtCreation: true });
  new Float32Array(buffer.getMappedRange()).set(x);
  buffer.unmap();
  return buffer;
}

/** y of x in a buffer; and y of that y, which has never left the GPU. */
export async function runOnBuffers(
  url: string,
  x: readonly number[],
): Promise<readonly (readonly number[])[]> {
  using model = await loadModel(url, { backend: 'webgpu' });
  const buffer = bufferOf(model.device as GPUDevice, x);
  const { y } = await model.run({ x: buffer });
  const first = await model.runOnDevice({ x: { data: buffer } });
  const second = await model.runOnDevice({ x: first.y?.buffer as GPUBuffer });
  const read = (await second.y?.read()) as Float32Array;
  for (const outputs of [first, second]) outputs.y?.dispose();
  buffer.destroy();
  return [Array.from(y?.data as Float32Array), Array.from(read)];
}

/** The code of the error with which running on a buffer ends that cannot be read, by what is wrong with it. */
export async function runOnBadBuffers(
  url: string,
  x: readonly number[],
): Promise<Readonly<Record<string, string>>> {
  using model = await loadModel(url, { backend: 'webgpu' });
  const device = model.device as GPUDevice;
  const adapter = (await navigator.gpu.requestAdapter()) as GPUAdapter;
  const bad = {
    'of another device': bufferOf(await adapter.requestDevice(), x),
    'that is destroyed': bufferOf(device, x),
    'for other uses': device.createBuffer({ size: 4 * x.length, usage: USAGE.STORAGE }),
  };
  bad['that is destroyed'].destroy();
  const codes: Record<string, string> = {};
  for (const [name, buffer] of Object.entries(bad)) codes[name] = await codeOf(model, buffer);
  // What has gone wrong does not stay so.
  codes.none = await codeOf(model, bufferOf(device, x));
  return codes;
}

async function codeOf(model: Model, input: TensorInput): Promise<string> {
  try {
    await model.run([input]);
    return 'runs';
  } catch (error) {
    return error instanceof LinnetError ? error.code : `not a LinnetError: ${error}`;
  }
}

/** How runs end while the device has no memory, and after. */
export async function runOutOfMemory(
  url: string,
  x: readonly number[],
): Promise<readonly string[]> {
  using model = await loadModel(url, { backend: 'webgpu' });
  const { popErrorScope } = GPUDevice.prototype;
  FAULTS['out of memory']();
  const without = await codeOf(model, x);
  GPUDevice.prototype.popErrorScope = popErrorScope;
  return [without, await codeOf(model, x)];
}

export interface Compilations {
  /** Pipelines compiled while a model was loaded, while it ran, and while it was loaded once more. */
  readonly compiled: readonly number[];
  /** The last that was told of how many are done of how many. */
  readonly progress: readonly number[];
}

/** What is compiled when, and what is told of it. */
export async function compilations(url: string, x: readonly number[]): Promise<Compilations> {
  const compiled = [0, 0, 0];
  let phase = 0;
  const { createComputePipeline, createComputePipelineAsync } = GPUDevice.prototype;
  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    (compiled[phase] as number)++;
    return createComputePipeline.call(this, descriptor);
  };
  GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
    (compiled[phase] as number)++;
    return createComputePipelineAsync.call(this, descriptor);
  };
  let progress: readonly number[] = [];
  const onProgress: LoadOptions['onProgress'] = ({ phase: of, loaded, total }) => {
    if (of === 'compile') progress = [loaded, total ?? 0];
  };
  using first = await loadModel(url, { backend: 'webgpu', onProgress });
  phase = 1;
  await first.run([x]);
  phase = 2;
  using second = await loadModel(url, { backend: 'webgpu' });
  await second.run([x]);
  return { compiled, progress };
}

/** Why the backend is what it is that a model is loaded on, for one load after the other. */
export async function reasonsOfAuto(url: string, loads: number): Promise<readonly string[]> {
  const reasons: string[] = [];
  for (let load = 0; load < loads; load++) {
    using model = await loadModel(url, { backend: 'auto' });
    reasons.push(`${model.info.backend}: ${model.info.backendReason}`);
  }
  return reasons;
}

/** y of some rows of a table, which stays on the GPU until it is read; the message where that is refused. */
export async function rowsOnDevice(
  url: string,
  rows: readonly number[],
): Promise<readonly number[] | string> {
  using model = await loadModel(url, { backend: 'webgpu' });
  try {
    const { y } = await model.runOnDevice({ rows });
    const read = (await y?.read()) as Float32Array;
    y?.dispose();
    return Array.from(read);
  } catch (error) {
    return error instanceof LinnetError ? error.message : `not a LinnetError: ${error}`;
  }
}

export interface GpuProfile {
  /** What the GPU does at best: operations in each arithmetic, bytes. */
  readonly peaks: readonly number[];
  /** Of each kernel: bytes, and its share of the bandwidth. */
  readonly steps: readonly (readonly [bytes: number, ofBandwidth: number | null])[];
  readonly gaps: number;
}

/** What a profile says of the GPU. */
export async function profileOnGpu(url: string, x: readonly number[]): Promise<GpuProfile> {
  using model = await loadModel(url, { backend: 'webgpu' });
  const { peakGigaflops, peakGigabytes, steps, gaps } = await model.profile([x], { runs: 2 });
  return {
    peaks: [...Object.values(peakGigaflops ?? {}), peakGigabytes ?? Number.NaN],
    steps: steps.map(({ bytes, ofBandwidth }) => [bytes, ofBandwidth]),
    gaps,
  };
}

/** What tuning a model on the GPU finds, and what the model then gives by each candidate of its first choice. */
export async function tuneOnGpu(
  url: string,
  x: readonly number[],
): Promise<{
  readonly tuning: Tuning;
  readonly choices: readonly Choice[];
  readonly ys: readonly (readonly number[])[];
}> {
  const backend = 'webgpu';
  const tuning = await tuneModel(url, [x], { backend });
  using model = await loadModel(url, { backend, tuning });
  const { choices } = model.info;
  const [{ signature, decision, candidates }] = choices as [Choice];
  const ys: (readonly number[])[] = [];
  for (const take of candidates) {
    const forced = { [signature]: { [decision]: { take, milliseconds: {} } } };
    const environments = Object.keys(tuning.environments).map((key) => [key, forced]);
    using other = await loadModel(url, {
      backend,
      tuning: { ...tuning, environments: Object.fromEntries(environments) },
    });
    const { y } = await other.run([x]);
    const [taken] = other.info.choices;
    if (taken?.taken !== take) throw new Error(`${taken?.taken} was taken for ${take}.`);
    ys.push(Array.from(y?.data as Float32Array));
  }
  return { tuning, choices, ys };
}

/** The outputs of runs that are all asked for at once. */
export async function runTogether(
  url: string,
  xs: readonly (readonly number[])[],
): Promise<readonly (readonly number[])[]> {
  using model = await loadModel(url, { backend: 'webgpu' });
  const outputs = await Promise.all(xs.map((x) => model.run([x])));
  return outputs.map(({ y }) => Array.from(y?.data as Float32Array));
}

/** The numbers of one picture by all that can hold it, on a backend. */
export async function readPictures(
  url: string,
  backend: 'wasm' | 'webgpu',
  rgba: readonly number[],
  [width, height]: readonly [number, number],
  settings: Omit<PictureInput, 'picture'>,
): Promise<Readonly<Record<string, readonly number[]>>> {
  using model = await loadModel(url, { backend });
  const data = new ImageData(Uint8ClampedArray.from(rgba), width, height);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.putImageData(data, 0, 0);
  const bitmap = await createImageBitmap(data);
  const frame = new VideoFrame(canvas, { timestamp: 0 });
  const pictures: Record<string, PictureInput['picture']> = { data, canvas, bitmap, frame };
  if (model.device !== null) {
    const texture = model.device.createTexture({
      size: [width, height],
      format: 'rgba8unorm',
      usage: USAGE.TEXTURE_BINDING | USAGE.TEXTURE_COPY_DST,
    });
    const layout = { bytesPerRow: 4 * width };
    model.device.queue.writeTexture({ texture }, data.data, layout, [width, height]);
    pictures.texture = texture;
  }
  const read: Record<string, readonly number[]> = {};
  for (const [name, picture] of Object.entries(pictures)) {
    const { y } = await model.run({ x: { picture, ...settings } });
    read[name] = Array.from(y?.data as Float32Array);
  }
  frame.close();
  return read;
}
