import * as tfjs from './tfjs.js';

export const load = (bytes, options) => tfjs.load(bytes, { ...options, backend: 'webgpu' });
