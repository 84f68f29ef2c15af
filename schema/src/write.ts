import type { Model } from './model.js';
import { writeModel } from './write/layout.js';

/** Offsets in a flatbuffer are signed 32-bit numbers in some implementations. */
const FLATBUFFER_LIMIT = 2 ** 31 - 1;

/**
 * Writes a model as a TFLite file; the same model gives the same bytes.
 *
 * Contents of tensors and metadata start at multiples of 16 bytes, and equal contents are stored
 * once. Contents of files over 2 GB are stored behind the flatbuffer.
 *
 * @throws LinnetError of code UNSUPPORTED when the model has a builtin op outside the vocabulary
 */
export function write(model: Model): Uint8Array {
  return writeModel(model, FLATBUFFER_LIMIT);
}
