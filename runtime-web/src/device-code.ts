import { fetchPart } from './io/part.js';

/** The GPU's backend, whose code is fetched only here. */
export function deviceCode(): Promise<typeof import('./webgpu/index.js')> {
  return fetchPart(() => import('./webgpu/index.js'));
}
