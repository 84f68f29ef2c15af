import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';

export async function load(bytes, { threads, inputShape }) {
  await loadLiteRt('/peers/@litertjs/core/wasm/', { threads: threads > 1 });
  const model = await loadAndCompile(bytes, {
    accelerator: 'wasm',
    cpuOptions: { numThreads: threads },
  });
  let inputs;
  return {
    threads,
    setInput(elements) {
      inputs = [new Tensor(elements, inputShape)];
    },
    async run() {
      const outputs = await model.run(inputs);
      const elements = outputs[0].toTypedArray();
      for (const tensor of outputs) tensor.delete();
      return elements;
    },
  };
}
