// Linnet in Node, driven by messages as page.js is by calls: {method, args} in, {result} or {error} out.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadModel } from '@linnet/runtime-web';

const [folder] = process.argv.slice(2);
let model;
let dtype;
let inputs;

const run = async () => Object.values(await model.run(inputs))[0].data;

const METHODS = {
  async load(file, options) {
    dtype = options.dtype;
    model = await loadModel(readFileSync(join(folder, file)), { threads: options.threads });
  },
  setInput(file) {
    const { buffer } = new Uint8Array(readFileSync(join(folder, file)));
    inputs = [new { float32: Float32Array, uint8: Uint8Array }[dtype](buffer)];
  },
  async time(milliseconds, runs) {
    const times = [];
    const end = performance.now() + milliseconds;
    while (times.length < runs || performance.now() < end) {
      const started = performance.now();
      await run();
      times.push(performance.now() - started);
    }
    return times;
  },
  async output() {
    const started = performance.now();
    const output = await run();
    const milliseconds = performance.now() - started;
    return { elements: Array.from(output), milliseconds };
  },
};

process.on('message', async ({ method, args }) => {
  try {
    process.send({ result: await METHODS[method](...args) });
  } catch (error) {
    process.send({ error: String(error) });
  }
});
