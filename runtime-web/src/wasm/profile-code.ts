import { fetchPart } from '../base.js';

/** What profiles on WASM take, which nothing else fetches. */
export function profileCode(): Promise<typeof import('./profile.js')> {
  return fetchPart(() => import('./profile.js'));
}
