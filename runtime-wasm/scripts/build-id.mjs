import { createHash } from 'node:crypto';
import { withCustomSection } from './sections.mjs';

const ID_BYTES = 8;

/**
 * A WASM module with a custom section that identifies its contents, for what has been measured of them.
 * Source: WebAssembly tool conventions, "Build ID Section".
 */
export function withBuildId(module) {
  const id = createHash('sha256').update(module).digest().subarray(0, ID_BYTES);
  return withCustomSection(module, 'build_id', Buffer.concat([Buffer.of(ID_BYTES), id]));
}
