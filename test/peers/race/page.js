// Runs one runtime on one model after another; test/peers/race/lane.mjs drives it through window.race.
//
// Every runtime is a module beside this file that exports
//   load(bytes, {threads, inputShape, dtype}) -> {
//     setInput(elements): the input becomes a tensor of the runtime, outside what is timed
//     run(): one inference, the output copied to a typed array
//     dispose(), profile(), kernelTime(milliseconds): where something asks for it; see below
//   }

let racer;
let ArrayOf;

window.race = {
  /**
   * @param {string} runtime name of a module beside this file
   * @param {string} url of the model in the runtime's format
   * @param {{threads: number, inputShape: number[], dtype: string}} options
   */
  async load(runtime, url, options) {
    // Layers follow one another on one page.
    racer?.dispose();
    const [module, model] = await Promise.all([import(`./${runtime}.js`), fetchBytes(url)]);
    racer = await module.load(model, options);
    ArrayOf = { float32: Float32Array, uint8: Uint8Array }[options.dtype];
  },

  /** @param {string} url gives the input's bytes */
  async setInput(url) {
    await racer.setInput(new ArrayOf((await fetchBytes(url)).buffer));
  },

  /**
   * Runs until both the time and the number of runs are used up.
   *
   * @returns {Promise<number[]>} milliseconds of each run
   */
  async time(milliseconds, runs) {
    const times = [];
    const end = performance.now() + milliseconds;
    while (times.length < runs || performance.now() < end) {
      const started = performance.now();
      await racer.run();
      times.push(performance.now() - started);
    }
    return times;
  },

  /**
   * @returns {Promise<{elements: number[], milliseconds: number}>} the output as the model gives it, and
   *   what the run took without the output's way out of the page
   */
  async output() {
    const started = performance.now();
    const output = await racer.run();
    const milliseconds = performance.now() - started;
    return { elements: Array.from(output), milliseconds };
  },

  /** What the runtime tells of a run. */
  profile() {
    return racer.profile();
  },

  /** Milliseconds of an inference without inputs and outputs: the mean of the faster half. */
  kernelTime(milliseconds) {
    return racer.kernelTime(milliseconds);
  },
};

async function fetchBytes(url) {
  return new Uint8Array(await (await fetch(url)).arrayBuffer());
}
