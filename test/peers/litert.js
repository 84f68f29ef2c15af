// The LiteRT.js side of the comparisons: runs in the page, driven through window.peer.
import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';

let ready;

window.peer = {
  /**
   * Runs a model once.
   *
   * @param {string} url of a .tflite file
   * @param {Record<string, {shape: number[], data: number[]}>} inputs by tensor name
   * @returns {Promise<Record<string, {shape: number[], data: number[]}>>}
   */
  async run(url, inputs) {
    ready ??= loadLiteRt('/peers/@litertjs/core/wasm/');
    await ready;
    const model = await loadAndCompile(url, { accelerator: 'wasm' });
    try {
      const tensors = Object.fromEntries(
        model.getInputDetails().map(({ name, dtype }) => {
          const { data, shape } = inputs[name];
          return [name, new Tensor(arrayOf(dtype, data), shape)];
        }),
      );
      const outputs = await model.run(tensors);
      const result = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        result[name] = {
          shape: Array.from(tensor.type.layout.dimensions),
          data: Array.from(tensor.toTypedArray()),
        };
        tensor.delete();
      }
      return result;
    } finally {
      model.delete();
    }
  },
};

function arrayOf(dtype, data) {
  const types = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
  return types[dtype].from(data);
}
