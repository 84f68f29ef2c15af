import { type ErrorLocation, LinnetError } from '../errors.js';

/** Refuses the file: `reason` says what was found and what was expected. */
export function fail(reason: string, where: ErrorLocation = {}): never {
  throw new LinnetError('INVALID_MODEL', `The model is damaged: ${reason}`, where);
}

/** Throws unless every index is in [lowest, count). */
export function checkIndices(
  indices: readonly number[],
  lowest: number,
  count: number,
  what: string,
  where: ErrorLocation,
): readonly number[] {
  for (const index of indices) {
    if (index < lowest || index >= count) {
      fail(`${what} refers to ${index}, but there are only ${count}.`, where);
    }
  }
  return indices;
}
