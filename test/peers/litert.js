// The LiteRT.js side of the comparisons: runs in the page, driven through window.peer.
import { loadAndCompile, loadLiteRt, Tensor } from '@litertjs/core';

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

let ready;

globalThis.peer = {
  /**
   * Runs a model once.
   *
   * @param {string} url of a .tflite file
   * @param {Record<string, {dtype: string, shape: number[], data: string}>} inputs by tensor name,
   *   in the order of the signature; elements as characters of one byte each
   * @returns {Promise<{dtype: string, shape: number[], data: string}[]>} outputs in the same form
   */
  async run(url, inputs) {
    ready ??= loadLiteRt('/peers/@litertjs/core/wasm/');
    await ready;
    const model = await loadAndCompile(url, { accelerator: 'wasm' });
    try {
      const values = Object.values(inputs);
      const names = model.getInputDetails().map(({ name }) => name);
      const tensors = names.map((name, position) => {
        const { dtype, shape, data } = inputs[name] ?? values[position];
        const bytes = Uint8Array.from(data, (character) => character.charCodeAt(0));
        return new Tensor(new TYPES[dtype](bytes.buffer), shape);
      });
      const outputs = await model.run(tensors);
      return outputs.map((tensor) => {
        const { dtype, layout } = tensor.type;
        const elements = tensor.toTypedArray();
        const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
        tensor.delete();
        const data = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
        return { dtype, shape: Array.from(layout.dimensions), data };
      });
    } finally {
      model.delete();
    }
  },
};
