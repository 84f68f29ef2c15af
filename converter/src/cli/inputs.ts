import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { LinnetError } from '@linnet/schema';
import { type NamedArray, readNpy, readNpz } from '../data/npy.js';
import type { SignatureInfo } from '../entry-point.js';
import { fileErrorReason } from '../file-errors.js';
import { UsageError } from './console.js';

/**
 * Reads what `--input` names: `name=file.npy`, a `file.npz` whose arrays are named after the
 * inputs, or a bare `file.npy` for a model with one input.
 *
 * @throws UsageError for an argument of another form, LinnetError for a file that cannot be read
 */
export async function loadInputs(
  specs: readonly string[],
  signature: SignatureInfo,
): Promise<Readonly<Record<string, NamedArray>>> {
  const inputs: Record<string, NamedArray> = {};
  for (const spec of specs) {
    for (const array of await loadInput(spec, signature)) {
      if (Object.hasOwn(inputs, array.name)) {
        throw new UsageError(`--input gives ${array.name} twice`);
      }
      inputs[array.name] = array;
    }
  }
  return inputs;
}

async function loadInput(spec: string, signature: SignatureInfo): Promise<readonly NamedArray[]> {
  // Input names may hold any character but files end in .npy or .npz, so the last `=` separates.
  const split = spec.lastIndexOf('=');
  const name = split < 0 ? undefined : spec.slice(0, split);
  const file = spec.slice(split + 1);
  if (file.endsWith('.npz')) {
    if (name !== undefined) {
      throw new UsageError(`--input ${spec}: a .npz names its arrays itself; give --input ${file}`);
    }
    return readNpz(await readInputFile(file), file);
  }
  if (!file.endsWith('.npy')) {
    throw new UsageError(`--input ${spec}: expected NAME=FILE.npy or FILE.npz`);
  }
  if (name !== undefined) return [readNpy(name, await readInputFile(file), file)];
  if (signature.inputs.length !== 1) {
    const names = signature.inputs.map((input) => input.name).join(', ');
    throw new UsageError(`--input ${basename(file)}: say which input it is for (${names})`);
  }
  return [readNpy(signature.inputs[0].name, await readInputFile(file), file)];
}

async function readInputFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new LinnetError('IO', `cannot read: ${fileErrorReason(cause)}`, { file }, [], { cause });
  }
}
