import { fetchPart } from './base.js';

/** What is there for WebGPU, which nothing else fetches. */
export function gpuCode(): Promise<typeof import('./gpu.js')> {
  return fetchPart(() => import('./gpu.js'));
}
