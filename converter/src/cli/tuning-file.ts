import { readFile } from 'node:fs/promises';
import type { Tuning } from '@linnet/runtime-web';
import { LinnetError } from '@linnet/schema';
import { fileErrorReason } from '../file-errors.js';
import { writeFiles } from './output-files.js';

/**
 * The tuning in a file.
 *
 * @throws LinnetError IO, or INVALID_ARGUMENT for what is no JSON; the runtime checks the rest
 */
export async function readTuning(file: string): Promise<Tuning> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const reason = fileErrorReason(cause);
    throw new LinnetError('IO', `cannot read: ${reason}`, { file }, [], { cause });
  }
  try {
    return JSON.parse(text) as Tuning;
  } catch (cause) {
    const message = `The tuning is no JSON: ${(cause as Error).message}`;
    throw new LinnetError('INVALID_ARGUMENT', message, { file }, [], { cause });
  }
}

export async function writeTuning(file: string, tuning: Tuning): Promise<void> {
  const text = `${JSON.stringify(tuning, null, 2)}\n`;
  await writeFiles(new Map([[file, new TextEncoder().encode(text)]]));
}
