import { loadModel } from 'linnet';

export async function load(bytes, { threads, backend = 'wasm' }) {
  const model = await loadModel(bytes, { backend, threads });
  if (model.info.backend !== backend) throw new Error(model.info.backendReason);
  let inputs;
  return {
    setInput(elements) {
      inputs = [elements];
    },
    async run() {
      const outputs = await model.run(inputs);
      return Object.values(outputs)[0].data;
    },
    async profile() {
      const { total, outside, ops, peakGigaflops, info } = await model.profile(inputs);
      return { total, outside, ops, peakGigaflops, info };
    },
    async kernelTime() {
      const { total, outside, peakGigaflops } = await model.profile(inputs, { runs: 20 });
      return { milliseconds: total.milliseconds - outside, peakGigaflops };
    },
    dispose: () => model.dispose(),
  };
}
