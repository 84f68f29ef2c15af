/** What readers know the lanes of the race as. */
export const NAMES = {
  linnet: 'Linnet',
  'linnet-node': 'Linnet in Node',
  'linnet-simd': 'Linnet',
  'linnet-node-simd': 'Linnet in Node',
  litert: 'LiteRT.js',
  'litert-compat': 'LiteRT.js',
  ort: 'onnxruntime-web',
  tfjs: 'TensorFlow.js',
};

export const isOurs = (runtime) => runtime.startsWith('linnet');
