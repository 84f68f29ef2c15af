import * as ort from 'onnxruntime-web/wasm';
import { classify } from './classify.js';

const AREA = 224 * 224;

classify(async (_, input) => {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = '/peers/onnxruntime-web/dist/';
  const session = await ort.InferenceSession.create('/models/mobilenet_v2_1.0_224_float.onnx', {
    executionProviders: ['wasm'],
  });
  const tensor = new ort.Tensor('float32', channelsFirst(await input), [1, 3, 224, 224]);
  const outputs = await session.run({ [session.inputNames[0]]: tensor });
  return outputs[session.outputNames[0]].data;
});

function channelsFirst(pixels) {
  return pixels.map((_, i) => pixels[(i % AREA) * 3 + Math.floor(i / AREA)]);
}
