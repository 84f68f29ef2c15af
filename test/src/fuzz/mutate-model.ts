/** Damage to what a file says, in a file that is otherwise well-formed. */
import { DTYPE_NAMES, type Model, read } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import type { Random } from '../../../converter/dist/verify/random-inputs.js';

/** Dimensions, indices, options and quantization parameters that are legal somewhere, seldom here. */
const NUMBERS = [-(2 ** 31), -2, -1, 0, 1, 2, 3, 4, 5, 8, 17, 255, 1000, 65536, 2 ** 31 - 1];
const REALS = [...NUMBERS, Number.NaN, Number.POSITIVE_INFINITY, 1e-38, 0.5];

/** Constants this small steer ops: shapes, axes, sizes. */
const STEERING_BYTES = 64;

/** Replaces one value of a model; made by `collect`. */
type Change = (random: Random) => void;

/**
 * A copy of a .tflite file in which one to three numbers, flags or dtypes of its model are others;
 * the file itself where the damaged model cannot be written.
 */
export function mutateModel(bytes: Uint8Array, random: Random): Uint8Array {
  const model = structuredClone(read(bytes)) as Model;
  const changes: Change[] = [];
  collect(model.subgraphs, changes);
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) {
    changes[Math.floor(random() * changes.length)]?.(random);
  }
  try {
    return write(model);
  } catch {
    return bytes;
  }
}

/** Finds everything in a tree of objects that can be replaced. */
function collect(value: unknown, changes: Change[]): void {
  if (value instanceof Uint8Array) {
    if (value.byteLength <= STEERING_BYTES && value.byteLength % 4 === 0) steer(value, changes);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const holder = value as Record<string, unknown>;
  for (const [key, item] of Object.entries(holder)) {
    const options = replacements(key, item);
    if (options === null) collect(item, changes);
    else {
      changes.push((random) => {
        holder[key] = options[Math.floor(random() * options.length)];
      });
    }
  }
}

function replacements(key: string, item: unknown): readonly unknown[] | null {
  if (key === 'dtype') return DTYPE_NAMES;
  if (key === 'quantization') return [undefined];
  if (typeof item === 'boolean') return [true, false];
  if (typeof item === 'number') return Number.isInteger(item) ? NUMBERS : REALS;
  return null;
}

function steer(bytes: Uint8Array, changes: Change[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.byteLength; at += 4) {
    changes.push((random) => {
      view.setInt32(at, NUMBERS[Math.floor(random() * NUMBERS.length)] as number, true);
    });
  }
}
