import * as ort from './ort.js';

export const load = (bytes, options) => ort.load(bytes, { ...options, provider: 'webgpu' });
