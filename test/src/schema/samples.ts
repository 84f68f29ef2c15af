/** TFLite files that others wrote, which tests read when they are beside the checkout. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SHARED = fileURLToPath(new URL('../../../../shared/', import.meta.url));
const FOLDERS = ['conformance/tflite', 'models'];

/** Why tests of the samples are skipped; false when the samples are there. */
export const samplesMissing: string | false = FOLDERS.every((folder) =>
  existsSync(join(SHARED, folder)),
)
  ? false
  : `${FOLDERS.map((folder) => `../shared/${folder}`).join(' and ')} are absent`;

export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Every sample, in the order of their names. */
export function* samples(): Generator<Sample> {
  if (samplesMissing !== false) return;
  for (const folder of FOLDERS) {
    for (const name of readdirSync(join(SHARED, folder)).sort()) {
      if (/\.(tflite|bin)$/.test(name)) {
        yield { name, bytes: new Uint8Array(readFileSync(join(SHARED, folder, name))) };
      }
    }
  }
}
