/** Tensors on their way between Node and a page, as JSON can carry them. */
import { arrayType, type DType, type TypedArray } from '@linnet/schema';
import type { Elements } from '../support/outputs.js';

export interface Parcel {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Characters of one byte each; an array of them for string tensors. */
  readonly data: string | readonly string[];
}

export function pack({ dtype, shape, data }: Elements): Parcel {
  const bytes = ArrayBuffer.isView(data)
    ? toText(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    : Array.from(data as ArrayLike<Uint8Array>, toText);
  return { dtype, shape, data: bytes };
}

export function unpack({ dtype, shape, data }: Parcel): Elements {
  if (typeof data !== 'string') return { dtype, shape, data: data.map(toBytes) };
  const array = arrayType(dtype as DType) as unknown as new (buffer: ArrayBuffer) => TypedArray;
  return { dtype, shape, data: new array(toBytes(data).buffer) };
}

function toText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
