// Runs one runtime on one model; test/peers/race/race.mjs drives it through window.race.
//
// Every runtime is a module beside this file that exports
//   load(bytes, {threads, inputShape}) -> {
//     setInput(elements): the input becomes a tensor of the runtime, outside what is timed
//     run(): one inference, the output copied to a typed array
//     threads: how many threads there really are
//   }

let racer;

window.race = {
  /**
   * @param {string} runtime name of a module beside this file
   * @param {string} url of the model in the runtime's format
   * @param {{threads: number, inputShape: number[], inputUrl: string, dtype: string}} options
   *   `inputUrl` gives the input's bytes
   */
  async load(runtime, url, options) {
    const [module, model, input] = await Promise.all([
      import(`./${runtime}.js`),
      fetchBytes(url),
      fetchBytes(options.inputUrl),
    ]);
    racer = await module.load(model, options);
    const ArrayOf = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array }[options.dtype];
    await racer.setInput(new ArrayOf(input.buffer));
    return { threads: racer.threads };
  },

  /** Runs until both the time and the number of runs are used up. */
  async warmUp(milliseconds, runs) {
    const end = performance.now() + milliseconds;
    for (let n = 0; n < runs || performance.now() < end; n++) await racer.run();
  },

  /** @returns {Promise<number[]>} milliseconds of each run */
  async time(runs) {
    const times = [];
    for (let n = 0; n < runs; n++) {
      const started = performance.now();
      await racer.run();
      times.push(performance.now() - started);
    }
    return times;
  },

  /** @returns {Promise<number[]>} the output as numbers, dequantized where the runtime tells how */
  async output() {
    return Array.from(await racer.run());
  },
};

async function fetchBytes(url) {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}
