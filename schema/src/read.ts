import type { Model } from './model.js';
import { OPS } from './ops/index.js';
import { type ReadOptions, readModel } from './read/model.js';
import { readSparsity } from './read/sparsity.js';

/**
 * Reads a TFLite file that nobody vouches for.
 *
 * Takes time and memory in proportion to the file's size. Constants, metadata and custom options
 * are views of `bytes`, which must not change while the model is in use.
 *
 * @throws LinnetError of code INVALID_MODEL when the file is damaged, UNSUPPORTED when it needs
 * something that Linnet does not know, INVALID_ARGUMENT when an external file was not given
 */
export function read(bytes: Uint8Array, options: ReadOptions = {}): Model {
  return readModel(bytes, { records: OPS, readSparsity }, options);
}
