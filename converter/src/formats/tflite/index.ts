import { isTflite, LinnetError, read } from '@linnet/schema';
import type { Program } from '../../graph/graph.js';
import type { Format, OpenOptions } from '../format.js';
import type { Source } from '../source.js';
import { importModel } from './import.js';

/** Sources with one file and no name for it are read as that file. */
async function mainFile(source: Source): Promise<string | null> {
  if (source.main !== null) return source.main;
  const names = await source.list();
  return names.length === 1 ? names[0]! : null;
}

/** TFLite itself: to optimize and quantize further what another converter wrote. */
export const TFLITE: Format = {
  name: 'TFLite',
  looksLike: 'a .tflite file, which has "TFL3" at byte 4',

  async sniff(source) {
    const name = await mainFile(source);
    return name !== null && isTflite(await source.read(name, 0, 8));
  },

  async open(source, options) {
    const name = await mainFile(source);
    if (name === null) {
      throw new LinnetError('INVALID_ARGUMENT', 'expected one .tflite file', { file: source.name });
    }
    try {
      return { program: importModel(read(await source.read(name)), options), notes: [] };
    } catch (error) {
      throw error instanceof LinnetError ? error.at({ file: source.name }) : error;
    }
  },
};

/** Reads TFLite bytes as a program. */
export function importTflite(bytes: Uint8Array, options: OpenOptions = {}): Program {
  return importModel(read(bytes), options);
}
