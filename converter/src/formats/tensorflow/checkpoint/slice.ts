/** A box within a tensor. */
export interface Slice {
  readonly start: readonly number[];
  readonly length: readonly number[];
}

/**
 * The slice that a RestoreV2 asks for: `d0 d1 ... s0:s1:...`, where the d are the sizes of the
 * whole tensor and each s is `start,length` or `-` for all. Undefined for the whole tensor.
 */
export function parseSliceSpec(spec: string): Slice | undefined {
  if (spec === '') return undefined;
  const parts = spec.trim().split(' ');
  const extents = parts.pop()!.split(':');
  const pairs = extents.map((extent, axis) =>
    extent === '-' ? [0, Number(parts[axis])] : extent.split(',').map(Number),
  );
  return { start: pairs.map(([start]) => start!), length: pairs.map(([, length]) => length!) };
}

/** One dimension of a stored slice; without a length it is the whole dimension. */
interface Extent {
  readonly start: number;
  readonly length: number | undefined;
}

/**
 * The key of one slice of a tensor: an order-preserving encoding of 0, the name, the rank, and
 * start and length (-1 for all) of each dimension. Source: EncodeTensorNameSlice in
 * tensorflow/core/util/saved_tensor_slice_util.cc and tensorflow/core/lib/strings/ordered_code.cc.
 */
export function orderedSliceKey(name: string, extents: readonly Extent[]): Uint8Array {
  const out: number[] = [];
  orderedUnsigned(out, 0);
  orderedString(out, new TextEncoder().encode(name));
  orderedUnsigned(out, extents.length);
  for (const { start, length } of extents) {
    orderedSigned(out, start);
    orderedSigned(out, length ?? -1);
  }
  return Uint8Array.from(out);
}

/** Number of bytes, then the bytes, most significant first. */
function orderedUnsigned(out: number[], value: number): void {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  out.push(bytes.length, ...bytes);
}

/** 0 and 255 are escaped; 0, 1 ends the string. */
function orderedString(out: number[], bytes: Uint8Array): void {
  for (const byte of bytes) {
    if (byte === 0) out.push(0, 255);
    else if (byte === 255) out.push(255, 0);
    else out.push(byte);
  }
  out.push(0, 1);
}

/**
 * Two's complement, as many bytes as needed, most significant first; the leading bits of a
 * non-negative number, or their inverse for a negative one, are as many ones as there are bytes,
 * then a zero.
 */
function orderedSigned(out: number[], value: number): void {
  const magnitude = BigInt(value < 0 ? -value - 1 : value);
  let length = 1;
  while (magnitude >= 1n << BigInt(7 * length - 1)) length++;
  const bits = BigInt(8 * length);
  const header = ((1n << BigInt(length)) - 1n) << (bits - BigInt(length));
  let coded = (header | magnitude) & ((1n << bits) - 1n);
  if (value < 0) coded ^= (1n << bits) - 1n;
  for (let shift = bits - 8n; shift >= 0n; shift -= 8n) out.push(Number((coded >> shift) & 255n));
}
