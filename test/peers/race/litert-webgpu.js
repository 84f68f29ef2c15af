import * as litert from './litert.js';

export const load = (bytes, options) => litert.load(bytes, { ...options, accelerator: 'webgpu' });
