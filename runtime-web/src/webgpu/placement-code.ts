import { fetchPart } from '../base.js';

/** What divides models between the GPU and the host, which only those take that have ops without shaders. */
export function placementCode(): Promise<typeof import('./placement.js')> {
  return fetchPart(() => import('./placement.js'));
}
