/** What callers pass for inputs, as the values that a graph runs on. */

import type { TensorType } from '@linnet/schema';
import { fetchPart } from '../base.js';
import type { PictureInput } from '../io/picture.js';
import { bufferInput, encodeInput, type TensorInfo, type TensorInput } from '../io/tensor.js';
import { storageBytes } from '../model/storage.js';
import type { StringPool } from '../model/strings.js';
import type { DeviceBackend } from '../plan/backend.js';
import { notOnDevice } from './entry.js';
import type { HostValue } from './frame.js';

/**
 * The value of an input.
 *
 * @param declared its type in the file
 * @param device what the model runs on beside WASM
 * @throws LinnetError of code INVALID_ARGUMENT for what does not fit the input, and for what only a
 * device can read where there is none
 */
export async function toValue(
  input: TensorInfo,
  declared: TensorType,
  value: TensorInput,
  device: DeviceBackend | null,
  strings: StringPool,
): Promise<HostValue> {
  if (isPicture(value)) return pictureValue(input, declared, value, device);
  const onDevice = bufferInput(input, value);
  if (onDevice === null) {
    const { shape, bytes } = encodeInput(input, value, strings);
    return { type: { ...declared, shape }, bytes };
  }
  if (device === null) {
    throw notOnDevice(`Input "${input.name}" cannot be a GPU buffer`).at({ tensor: input.name });
  }
  const { buffer, type } = onDevice;
  const resident = device.adopt(buffer, storageBytes(type));
  return { type: { ...declared, shape: type.shape }, bytes: new Uint8Array(), resident };
}

function isPicture(value: unknown): value is PictureInput {
  return typeof value === 'object' && value !== null && 'picture' in value;
}

async function pictureValue(
  input: TensorInfo,
  declared: TensorType,
  value: PictureInput,
  device: DeviceBackend | null,
): Promise<HostValue> {
  const { drawPicture, planPicture } = await fetchPart(() => import('../io/picture.js'));
  const plan = planPicture(input, declared.quantization, value);
  const type = { ...declared, shape: [1, plan.height, plan.width, plan.channels] };
  if (device === null) return { type, bytes: drawPicture(value.picture, plan, input.dtype) };
  const resident = await device.readPicture(input, value.picture, plan);
  return { type, bytes: new Uint8Array(), resident };
}
