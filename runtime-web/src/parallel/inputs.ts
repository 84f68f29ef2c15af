import type { ModelInputs } from '../api.js';
import type { TensorInput } from '../io/tensor.js';

/** Inputs for a worker, and what goes over to it with them. */
export interface Passed {
  readonly inputs: ModelInputs;
  readonly transfer: readonly Transferable[];
}

/**
 * Copies inputs, once, such that a worker can be given them. It is the worker that finds out what is wrong
 * with them; what cannot be copied is left as it is.
 */
export async function passInputs(inputs: ModelInputs): Promise<Passed> {
  const transfer: Transferable[] = [];
  const own = <T>(data: T): T => {
    if (!ArrayBuffer.isView(data)) return data;
    // To pass a view of a part of a buffer would copy the whole.
    const { buffer } = new Uint8Array(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
    transfer.push(buffer);
    const name = (data as unknown as Uint8Array)[Symbol.toStringTag];
    return new globalThis[name](buffer) as T;
  };
  const pass = async (value: TensorInput): Promise<TensorInput> => {
    if (typeof value !== 'object' || value === null) return value;
    if ('data' in value) return { ...value, data: own(value.data) };
    if (!('picture' in value)) return own(value);
    if (!isOnHost(value.picture)) return value;
    const picture = await createImageBitmap(value.picture);
    transfer.push(picture);
    return { ...value, picture };
  };
  if (typeof inputs !== 'object' || inputs === null || ArrayBuffer.isView(inputs)) {
    return { inputs, transfer };
  }
  if (Array.isArray(inputs)) return { inputs: await Promise.all(inputs.map(pass)), transfer };
  const passed = Object.entries(inputs).map(async ([name, value]) => [name, await pass(value)]);
  return { inputs: Object.fromEntries(await Promise.all(passed)), transfer };
}

/** Whether a picture is one of those that browsers can copy, not a texture. */
function isOnHost<P extends object>(picture: P): picture is Extract<P, ImageBitmapSource> {
  return !('createView' in picture);
}
