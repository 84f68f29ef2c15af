export async function load(bytes, { threads, inputShape, dtype, provider = 'wasm' }) {
  const ort = await import(`/peers/onnxruntime-web/dist/ort.${provider}.min.mjs`);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = '/peers/onnxruntime-web/dist/';
  const session = await ort.InferenceSession.create(bytes, { executionProviders: [provider] });
  let inputs;
  return {
    setInput(elements) {
      inputs = { [session.inputNames[0]]: new ort.Tensor(dtype, elements, inputShape) };
    },
    async run() {
      const outputs = await session.run(inputs);
      return outputs[session.outputNames[0]].data.slice();
    },
  };
}
