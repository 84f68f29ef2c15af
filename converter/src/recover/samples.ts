import { LinnetError } from '@linnet/schema';
import { Dataset, type Elements } from '../data/dataset.js';
import type { Sample } from '../data/sample.js';

/** Every so manyth sample is held back, beginning with this one. */
const HELD_BACK = 4;
const FIRST_HELD = 2;

/** The index in the whole dataset of a sample that is held back. */
export function heldIndex(position: number): number {
  return HELD_BACK * position + FIRST_HELD;
}

/** The samples that methods learn from, and those held back from them, by which they are judged. */
export interface SplitSamples {
  readonly fit: Dataset<Sample>;
  readonly held: Dataset<Sample>;
}

/**
 * Parts samples, of which one in four is held back, beginning with the third.
 *
 * @throws LinnetError INVALID_ARGUMENT for samples that can be walked only once
 */
export function splitSamples(samples: Elements<Sample>): SplitSamples {
  const all = samples instanceof Dataset ? samples : Dataset.from(samples);
  if (isIterator(samples)) {
    throw new LinnetError('INVALID_ARGUMENT', 'the samples can be walked only once', {}, [
      'Choosing by measurement takes several passes: give an array, a path, or an object whose iterator begins anew.',
    ]);
  }
  return { fit: part(all, false), held: part(all, true) };
}

function part(all: Dataset<Sample>, isHeld: boolean): Dataset<Sample> {
  const { size } = all;
  const held = size === undefined ? undefined : Math.floor((size + 1) / HELD_BACK);
  const own = held === undefined || isHeld ? held : size! - held;
  return new Dataset(async function* () {
    let index = 0;
    for await (const sample of all) {
      if ((index++ % HELD_BACK === FIRST_HELD) === isHeld) yield sample;
    }
    if (index <= FIRST_HELD) {
      throw new LinnetError('INVALID_ARGUMENT', `there are only ${index} samples`, {}, [
        'Choosing by measurement needs at least 3, of which one is held back; a few hundred are better.',
      ]);
    }
  }, own);
}

/** Generators, and others that are their own iterators, go on where they are. */
function isIterator(samples: Elements<Sample>): boolean {
  return 'next' in samples;
}
