import { loadModel } from 'linnet';

export async function load(bytes, { threads }) {
  const model = await loadModel(bytes, { threads });
  let inputs;
  return {
    threads: model.info.threads,
    setInput(elements) {
      inputs = [elements];
    },
    async run() {
      const outputs = await model.run(inputs);
      return Object.values(outputs)[0].data;
    },
  };
}
