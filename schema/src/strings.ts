import { LinnetError } from './errors.js';

/**
 * The byte strings of a `string` tensor's buffer, as views of it.
 *
 * Layout (little-endian): a 32-bit count, the 32-bit place of each string and of the end, counted
 * from the start of the buffer, and the strings. Source: TFLite's string utilities.
 *
 * @throws LinnetError of code INVALID_MODEL when a place is outside the buffer or out of order
 */
export function decodeStrings(buffer: Uint8Array): readonly Uint8Array[] {
  if (buffer.length === 0) return [];
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const count = buffer.length < 4 ? 0 : view.getUint32(0, true);
  const header = 4 * (count + 2);
  if (header > buffer.length) {
    throw new LinnetError(
      'INVALID_MODEL',
      `A string tensor has ${count} strings, whose header of ${header} bytes does not fit into its ${buffer.length}.`,
    );
  }
  const strings: Uint8Array[] = [];
  let start = view.getUint32(4, true);
  for (let index = 0; index < count; index++) {
    const end = view.getUint32(4 * (index + 2), true);
    if (start < header || end < start || end > buffer.length) {
      throw new LinnetError(
        'INVALID_MODEL',
        `String ${index} of a tensor lies at bytes ${start} to ${end} of a buffer of ${buffer.length}.`,
      );
    }
    strings.push(buffer.subarray(start, end));
    start = end;
  }
  return strings;
}

/** The buffer of a `string` tensor that holds these byte strings. */
export function encodeStrings(strings: readonly Uint8Array[]): Uint8Array {
  const header = 4 * (strings.length + 2);
  const size = strings.reduce((total, { length }) => total + length, header);
  const buffer = new Uint8Array(size);
  const view = new DataView(buffer.buffer);
  view.setUint32(0, strings.length, true);
  let place = header;
  strings.forEach((string, index) => {
    view.setUint32(4 * (index + 1), place, true);
    buffer.set(string, place);
    place += string.length;
  });
  view.setUint32(4 * (strings.length + 1), place, true);
  return buffer;
}
