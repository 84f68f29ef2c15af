import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NETS } from '../nets/nets.mjs';
import { writeOnnx } from '../nets/onnx-writer.mjs';
import { writeTflite } from '../nets/tflite-writer.mjs';

const SEED = 20;
const shared = (path) =>
  readFileSync(fileURLToPath(new URL(`../../../../shared/${path}`, import.meta.url)));

/**
 * A model of the race.
 *
 * @typedef {object} Entry
 * @property {string} title
 * @property {'float32' | 'uint8'} dtype of the input
 * @property {number[]} inputShape as in the .tflite
 * @property {string[]} runtimes
 * @property {() => Uint8Array} tflite
 * @property {() => Uint8Array} [onnx] the same net with a channels-first input
 * @property {() => Uint8Array} input bytes of the input
 */

const images = {
  float32: () => Float32Array.from(shared('images/cat_224.rgb'), (v) => (v - 128) / 128),
  uint8: () => new Uint8Array(shared('images/cat_224.rgb')),
};

/** @type {Record<string, Entry>} */
export const ENTRIES = {
  'mobilenet-v2': {
    title: 'MobileNet v2 1.0 224 float32',
    dtype: 'float32',
    inputShape: [1, 224, 224, 3],
    runtimes: ['linnet', 'litert', 'ort', 'tfjs'],
    tflite: () => shared('models/mobilenet_v2_1.0_224_float.tflite'),
    onnx: () => shared('models/mobilenet_v2_1.0_224_float.onnx'),
    input: images.float32,
  },
  'mobilenet-v2-uint8': {
    title: 'MobileNet v2 1.0 224 uint8 per tensor',
    dtype: 'uint8',
    inputShape: [1, 224, 224, 3],
    runtimes: ['linnet', 'litert'],
    tflite: () => shared('models/mobilenet_v2_1.0_224_quant.tflite'),
    input: images.uint8,
  },
  'mobilenet-v1-uint8': {
    title: 'MobileNet v1 0.25 128 uint8 per tensor',
    dtype: 'uint8',
    inputShape: [1, 128, 128, 3],
    runtimes: ['linnet', 'litert'],
    tflite: () => shared('models/mobilenet_v1_0.25_128_quant.tflite'),
    input: () => wave([1, 128, 128, 3], 'uint8'),
  },
  'deeplab-uint8': {
    title: 'DeepLab v3 MobileNet v2 0.5 513 uint8',
    dtype: 'uint8',
    inputShape: [1, 513, 513, 3],
    runtimes: ['linnet', 'litert'],
    tflite: () => shared('models/deeplabv3_mnv2_dm05_pascal_quant.tflite'),
    input: () => wave([1, 513, 513, 3], 'uint8'),
  },
  ...Object.fromEntries(
    Object.entries(NETS).map(([key, net]) => [
      key,
      {
        title: net.title,
        dtype: 'float32',
        inputShape: net.inputShape,
        // TensorFlow.js has no fused LSTM, and LiteRT.js refuses models with variables.
        runtimes: key === 'lstm' ? ['linnet', 'ort'] : ['linnet', 'litert', 'ort', 'tfjs'],
        tflite: () => writeTflite(net, SEED),
        onnx: () => writeOnnx(net, SEED),
        input: () => wave(net.inputShape, 'float32'),
      },
    ]),
  ),
};

/** An input without randomness that has no symmetry for an error to hide in. */
function wave(shape, dtype) {
  const count = shape.reduce((a, b) => a * b, 1);
  const at = (i) => Math.sin(0.7 * i) * Math.cos(0.013 * i);
  return dtype === 'float32'
    ? Float32Array.from({ length: count }, (_, i) => at(i))
    : Uint8Array.from({ length: count }, (_, i) => Math.round(127.5 + 127.5 * at(i)));
}

/** The input as a runtime's model takes it: channels first for ONNX images. */
export function inputFor(entry, runtime) {
  const input = entry.input();
  const shape = entry.inputShape;
  if (runtime !== 'ort' || shape.length !== 4) return { input, shape };
  const [batch, height, width, channels] = shape;
  const area = height * width;
  const planes = new input.constructor(input.length);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < channels; c++) planes[c * area + i] = input[i * channels + c];
  }
  return { input: planes, shape: [batch, channels, height, width] };
}
