import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LinnetError } from '@linnet/schema';
import { fileErrorReason } from '../file-errors.js';

/**
 * Writes files so that either all of them are complete or none is there: each goes to a temporary
 * name beside its own first. Folders are made as needed.
 *
 * @throws LinnetError IO when a file cannot be written; nothing is left behind
 */
export async function writeFiles(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const temporary: string[] = [];
  let current = '';
  try {
    for (const [file, bytes] of files) {
      current = file;
      await makeFolder(dirname(file));
      const own = `${file}.${process.pid}.tmp`;
      temporary.push(own);
      await writeFile(own, bytes, { flag: 'wx' });
    }
    for (const [index, file] of [...files.keys()].entries()) {
      current = file;
      await rename(temporary[index], file);
    }
  } catch (cause) {
    await Promise.all(temporary.map((file) => rm(file, { force: true })));
    throw new LinnetError(
      'IO',
      `cannot write: ${fileErrorReason(cause)}`,
      { file: current },
      ['Nothing was written; choose another place with -o or --output-dir, or make room.'],
      { cause },
    );
  }
}

/**
 * Makes a folder and those above it. `mkdir` with `recursive` never ends where a file system answers that
 * the folder above is missing although it is there, as Linux's /proc does.
 */
async function makeFolder(folder: string): Promise<void> {
  const make = () =>
    mkdir(folder).catch(async (error) => {
      if (error.code !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw error;
    });
  try {
    await make();
  } catch (error) {
    const above = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error;
    await makeFolder(above);
    await make();
  }
}

/** A tensor's name as a file name: anything but letters, digits, `.`, `_` and `-` becomes `_`. */
export function safeFileName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_');
  return safe === '' ? '_' : safe.slice(0, 200);
}
