import { fetchPart } from '../base.js';

/** What profiles on WebGPU take, which nothing else fetches. */
export function profileCode(): Promise<typeof import('./profile.js')> {
  return fetchPart(() => import('./profile.js'));
}
