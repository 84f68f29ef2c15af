import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dtypeCode, read } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { normalized, PICTURES, pixels, shrunk } from '../../dist/support/imagenet.js';
import { ROOT, shared } from '../../dist/support/paths.js';
import { NETS } from '../nets/nets.mjs';
import { writeOnnx } from '../nets/onnx-writer.mjs';
import { writeTflite } from '../nets/tflite-writer.mjs';

const SEED = 20;
const IMAGE = [1, 224, 224, 3];

/** All that take a model of float32. */
const FLOAT = ['linnet', 'litert', 'ort', 'tfjs'];

/** How far answers may lie apart, relative to the largest: float32 products, 8-bit steps. */
const TOLERANCE = { float32: 1e-3, int8: 0.1 };

/**
 * A model of the race.
 *
 * @typedef {object} Entry
 * @property {string} title
 * @property {'float32' | 'uint8'} dtype of the input
 * @property {number[]} inputShape as in the .tflite
 * @property {string[]} lanes runtimes of lane.mjs, ours first
 * @property {number} [threads] the only number of threads to race on
 * @property {'slow'} [pace] where a run takes so long that few must do
 * @property {number} tolerance of answers, relative to the largest; of a map of classes the part that differs
 * @property {true} [isClassMap]
 * @property {() => Uint8Array} tflite
 * @property {() => Uint8Array} [onnx] the same net with a channels-first input
 * @property {() => ArrayLike<number>} input
 * @property {{input: ArrayLike<number>, best: number}[]} [known] inputs whose best class is known
 */

const MOBILENET = {
  inputShape: IMAGE,
  dtype: 'float32',
  tolerance: TOLERANCE.float32,
  tflite: () => readFileSync(shared('models/mobilenet_v2_1.0_224_float.tflite')),
  onnx: () => readFileSync(shared('models/mobilenet_v2_1.0_224_float.onnx')),
  ...pictures(normalized),
};
/** The same on WebGPU, as SwiftShader has it on the processor. */
const WEBGPU = FLOAT.map((runtime) => `${runtime}-webgpu`);

const ON_SWIFTSHADER = { threads: 1, pace: 'slow' };

const MOBILENET_INT8 = { ...MOBILENET, tolerance: TOLERANCE.int8, tflite: quantizedMobilenet };

/** @type {Record<string, Entry>} */
export const ENTRIES = {
  'mobilenet-v2': {
    title: 'MobileNet v2 float32',
    ...MOBILENET,
    lanes: [...FLOAT, 'linnet-node'],
  },
  'mobilenet-v2-int8': {
    title: 'MobileNet v2 int8 per channel',
    ...MOBILENET_INT8,
    lanes: ['linnet', 'litert', 'linnet-node'],
  },
  'mobilenet-v2-uint8': {
    title: 'MobileNet v2 uint8 per tensor',
    dtype: 'uint8',
    inputShape: IMAGE,
    lanes: ['linnet', 'litert'],
    tolerance: TOLERANCE.int8,
    tflite: () => readFileSync(shared('models/mobilenet_v2_1.0_224_quant.tflite')),
    ...pictures((rgb) => rgb),
  },
  'mobilenet-v1-uint8': {
    title: 'MobileNet v1 0.25 128 uint8 per tensor',
    dtype: 'uint8',
    inputShape: [1, 128, 128, 3],
    lanes: ['linnet', 'litert'],
    tolerance: TOLERANCE.int8,
    tflite: () => readFileSync(shared('models/mobilenet_v1_0.25_128_quant.tflite')),
    input: () => shrunk(pixels('cat'), 128),
  },
  'deeplab-uint8': {
    title: 'DeepLab v3 MobileNet v2 0.5 513 uint8',
    dtype: 'uint8',
    inputShape: [1, 513, 513, 3],
    lanes: ['linnet', 'litert'],
    tolerance: TOLERANCE.int8,
    tflite: () => withInt32Classes(shared('models/deeplabv3_mnv2_dm05_pascal_quant.tflite')),
    // A class for each pixel.
    isClassMap: true,
    input: () => shrunk(pixels('cat'), 513),
  },
  // TensorFlow.js has no fused LSTM, and LiteRT.js refuses models with variables.
  ...Object.fromEntries(
    Object.keys(NETS).map((key) => [
      key,
      netEntry(key, key === 'lstm' ? ['linnet', 'ort'] : FLOAT),
    ]),
  ),
  'mobilenet-v2-webgpu': {
    title: 'MobileNet v2 float32',
    ...MOBILENET,
    ...ON_SWIFTSHADER,
    lanes: WEBGPU,
  },
  'mobilenet-v2-int8-webgpu': {
    title: 'MobileNet v2 int8 per channel',
    ...MOBILENET_INT8,
    ...ON_SWIFTSHADER,
    lanes: ['linnet-webgpu', 'litert-webgpu'],
  },
  'resnet50-webgpu': { ...netEntry('resnet50', WEBGPU), ...ON_SWIFTSHADER },
  'encoder-webgpu': { ...netEntry('encoder', WEBGPU), ...ON_SWIFTSHADER },
  'mobilenet-v2-simd': {
    title: 'MobileNet v2 float32, without relaxed SIMD',
    ...MOBILENET,
    threads: 1,
    lanes: ['linnet-simd', 'litert-compat', 'linnet-node-simd'],
  },
  'mobilenet-v2-int8-simd': {
    title: 'MobileNet v2 int8 per channel, without relaxed SIMD',
    ...MOBILENET_INT8,
    threads: 1,
    lanes: ['linnet-simd', 'litert-compat', 'linnet-node-simd'],
  },
};

/** A network with random weights. */
function netEntry(key, lanes) {
  const net = NETS[key];
  return {
    title: net.title,
    dtype: 'float32',
    inputShape: net.inputShape,
    lanes,
    tolerance: TOLERANCE.float32,
    tflite: () => writeTflite(net, SEED),
    onnx: () => writeOnnx(net, SEED),
    input: () => wave(net.inputShape, 'float32'),
  };
}

/** Pictures whose classes are known. */
function pictures(toInput) {
  return {
    input: () => toInput(pixels('cat')),
    known: Object.entries(PICTURES).map(([name, best]) => ({ input: toInput(pixels(name)), best })),
  };
}

/** The float32 MobileNet as our own converter quantizes it, with float32 inputs and outputs. */
function quantizedMobilenet() {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-int8-'));
  try {
    const output = join(folder, 'model.tflite');
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        ...[join(ROOT, 'bin.js'), 'convert', shared('models/mobilenet_v2_1.0_224_float.tflite')],
        ...['--quantize', 'int8', '--calibration-data', shared('images')],
        ...['--preprocess', 'resize:224,mean:128,std:128', '-o', output],
      ],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`the int8 model could not be made:\n${stderr}`);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A file whose ARG_MAX gives int32 where it gave int64, which LiteRT.js cannot hand over. */
function withInt32Classes(path) {
  const model = read(readFileSync(path));
  const [{ operators, tensors }] = model.subgraphs;
  for (const { op, options, outputs } of operators) {
    if (op !== 'ARG_MAX') continue;
    options.outputType = dtypeCode('int32');
    tensors[outputs[0]] = { ...tensors[outputs[0]], dtype: 'int32' };
  }
  return write(model);
}

/** An input without randomness that has no symmetry for an error to hide in. */
export function wave(shape, dtype) {
  const count = shape.reduce((a, b) => a * b, 1);
  const at = (i) => Math.sin(0.7 * i) * Math.cos(0.013 * i);
  return dtype === 'float32'
    ? Float32Array.from({ length: count }, (_, i) => at(i))
    : Uint8Array.from({ length: count }, (_, i) => Math.round(127.5 + 127.5 * at(i)));
}

/** Whether a runtime of lane.mjs reads .onnx files. */
export const takesOnnx = (runtime) => runtime.startsWith('ort');

/** An input as a runtime's model takes it: channels first for ONNX images. */
export function inputFor({ inputShape: shape }, input, runtime) {
  if (!takesOnnx(runtime) || shape.length !== 4) return { input, shape };
  const [batch, height, width, channels] = shape;
  const area = height * width;
  const planes = new input.constructor(input.length);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < channels; c++) planes[c * area + i] = input[i * channels + c];
  }
  return { input: planes, shape: [batch, channels, height, width] };
}
