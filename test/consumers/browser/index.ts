// A web page's use of the runtime, as its compiler sees it: no Node types, only the DOM's.
import {
  type ErrorCode,
  LinnetError,
  type LoadOptions,
  loadModel,
  type Model,
  type ModelSource,
  type TensorInfo,
  type TypedArray,
} from 'linnet';

const sources: readonly ModelSource[] = [
  'model.tflite',
  new URL('model.tflite', document.baseURI),
  await fetch('model.tflite'),
  new Blob([]),
  new File([], 'model.tflite'),
  new ArrayBuffer(8),
  new Uint8Array(8),
];

const options: LoadOptions = {
  backend: 'wasm',
  threads: 2,
  signal: AbortSignal.timeout(1000),
  onProgress: ({ phase, loaded, total }) => console.log(phase.toUpperCase(), loaded, total ?? '?'),
  wasmUrl: (build) => `/kernels/${build}.wasm`,
};

const model: Model = await loadModel(sources[0]!, options);
const inputs: readonly TensorInfo[] = model.inputs;
const scale: number | undefined = inputs[0]?.quantization?.scale;

const byName = await model.run({ image: new Float32Array(4), count: [1n], label: ['a'] });
const byPosition = await model.run([{ data: new Uint8Array(4), shape: [1, 4] }], {
  signature: 'serve',
});
for (const { name, dtype, shape, data } of Object.values({ ...byName, ...byPosition })) {
  console.log(
    name,
    dtype.length,
    shape.reduce((a, b) => a * b, 1),
    data.length,
  );
}
const elements = byName.scores?.data as TypedArray;
const { backend, build, threads, threadsReason, memory } = model.info;
console.log(scale, elements.length, backend, build, threads, threadsReason, memory.arena);
model.dispose();

try {
  await loadModel('no-such-file');
} catch (error) {
  const code: ErrorCode | undefined = error instanceof LinnetError ? error.code : undefined;
  if (error instanceof LinnetError)
    console.log(code, error.format(), error.where.tensor, error.notes);
}

// @ts-expect-error there is no such backend
await loadModel('model.tflite', { backend: 'webgl' });
// @ts-expect-error threads are counted
await loadModel('model.tflite', { threads: '4' });
// @ts-expect-error options are spelled as they are
await loadModel('model.tflite', { thread: 4 });
// @ts-expect-error a model is not loaded from a number
await loadModel(7);
// @ts-expect-error inputs are elements
await model.run({ image: 7 });
// @ts-expect-error a model has inputs
await model.run();
// @ts-expect-error what a model is does not change
model.inputs = [];

// @ts-expect-error the converter is another entry point
export { convert } from 'linnet';

// @ts-expect-error models are loaded, not constructed
new Model();

// On a GPU: pictures and buffers in, buffers out.
const { device } = model;
if (device !== null) {
  const encoder: GPUCommandEncoder = device.createCommandEncoder();
  console.log(encoder.label, model.info.backendReason, model.info.fallback);
  const { y } = await model.runOnDevice({
    x: { picture: document.createElement('video'), mean: 127.5 },
  });
  const buffer: GPUBuffer | undefined = y?.buffer;
  if (buffer) await model.run({ x: buffer, z: { data: buffer, shape: [1] } });
  console.log(await y?.read());
  y?.dispose();
}
