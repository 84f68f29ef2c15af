import * as linnet from './linnet.js';

export const load = (bytes, options) => linnet.load(bytes, { ...options, backend: 'webgpu' });
