import { LinnetError } from '@linnet/schema';
import type { TensorInfo } from '../../entry-point.js';
import { Dataset } from '../dataset.js';
import { readWhole } from '../files.js';
import type { ImageReader } from '../image/reader.js';
import type { Sample } from '../sample.js';

/** Pictures of the size that can be decoded are far smaller. */
const MAX_FILE_BYTES = 2 ** 28;

/**
 * One sample per picture, in the order of the files.
 *
 * @throws LinnetError IO, or INVALID_ARGUMENT when the model has several inputs or none that takes
 *   pictures, or a picture cannot be read
 */
export function imageDataset(
  files: readonly string[],
  inputs: readonly TensorInfo[],
  images: ImageReader,
): Dataset<Sample> {
  const [info] = inputs;
  if (info === undefined || inputs.length !== 1) {
    throw new LinnetError(
      'INVALID_ARGUMENT',
      `a picture is one input, but the model has ${inputs.length}`,
      {},
      [`Give a .npz file with the arrays ${inputs.map(({ name }) => name).join(', ')}.`],
    );
  }
  return Dataset.from(files).map(async (file, index) => {
    const bytes = await readWhole(file, MAX_FILE_BYTES);
    return { [info.name]: await images.toInput(info, bytes, { file, index }) };
  });
}
