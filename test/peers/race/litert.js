import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';

let loading;

/** @param {string} [wasm] folder of the builds to choose from, or one of them */
export async function load(
  bytes,
  { threads, inputShape, accelerator = 'wasm' },
  wasm = '/peers/@litertjs/core/wasm/',
) {
  loading ??= loadLiteRt(wasm, { threads: threads > 1 });
  await loading;
  const model = await loadAndCompile(bytes, {
    accelerator,
    cpuOptions: { numThreads: threads },
  });
  let inputs;
  const infer = async () => {
    const outputs = await model.run(inputs);
    return { outputs, free: () => outputs.map((tensor) => tensor.delete()) };
  };
  return {
    setInput(elements) {
      inputs = [new Tensor(elements, inputShape)];
    },
    async run() {
      const { outputs, free } = await infer();
      const elements = await outputs[0].data();
      free();
      return elements;
    },
    async kernelTime(milliseconds) {
      const times = [];
      const end = performance.now() + milliseconds;
      while (performance.now() < end) {
        const started = performance.now();
        const { free } = await infer();
        times.push(performance.now() - started);
        free();
      }
      times.sort((a, b) => a - b).length = Math.ceil(times.length / 2);
      return { milliseconds: times.reduce((a, b) => a + b) / times.length };
    },
    dispose() {
      for (const tensor of inputs ?? []) tensor.delete();
      model.delete();
    },
  };
}
