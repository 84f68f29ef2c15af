import { type Elements, openDataset, type Preprocess, type Sample } from '../data/index.js';
import type { TensorInfo } from '../entry-point.js';
import type { Signature } from '../graph/graph.js';
import type { CalibrationMethod } from './range.js';

export interface CalibrationOptions {
  /**
   * What the model meets in use, a few hundred samples of it: the path of a folder of pictures, of
   * TFRecords, of a .npy, .npz or CSV file; or samples by input name.
   */
  readonly data: string | Elements<Sample>;
  /** How ranges are chosen from what was seen; `min-max` by default. */
  readonly method?: CalibrationMethod;
  /** How pictures become numbers. */
  readonly preprocess?: Preprocess;
  /** Threads that the samples run on; 1 by default. Results do not depend on it. */
  readonly threads?: number;
}

/**
 * The samples for the inputs of a signature.
 *
 * @throws LinnetError as openDataset does
 */
export async function openSamples(
  { data, preprocess }: Pick<CalibrationOptions, 'data' | 'preprocess'>,
  { graph, inputNames }: Pick<Signature, 'graph' | 'inputNames'>,
): Promise<Elements<Sample>> {
  if (typeof data !== 'string') return data;
  const inputs: TensorInfo[] = graph.inputs.map((id, index) => {
    const { dtype, shape } = graph.tensor(id);
    return { name: inputNames[index]!, dtype, shape };
  });
  return openDataset(data, inputs, preprocess);
}
