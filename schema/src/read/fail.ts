import { type ErrorLocation, LinnetError } from '../errors.js';

/** Refuses the file: `reason` says what was found and what was expected. */
export function fail(reason: string, where: ErrorLocation = {}): never {
  throw new LinnetError('INVALID_MODEL', `The model is damaged: ${reason}`, where);
}

/** `count` elements of a flatbuffer vector as an array. */
export function list<T>(count: number, element: (index: number) => T | null): T[] {
  const result: T[] = [];
  for (let index = 0; index < count; index++) result.push(element(index) as T);
  return result;
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
