import { LinnetError } from '@linnet/schema';

/**
 * The strings of one model instance. Tensors of strings hold handles, and equal strings have equal
 * handles, so kernels move and compare them as 4-byte integers.
 */
export class StringPool {
  readonly #strings: Uint8Array[] = [];
  readonly #handles = new Map<string, number>();

  intern(bytes: Uint8Array): number {
    const key = keyOf(bytes);
    const known = this.#handles.get(key);
    if (known !== undefined) return known;
    const handle = this.#strings.length;
    this.#strings.push(bytes.slice());
    this.#handles.set(key, handle);
    return handle;
  }

  /** The bytes of a handle; the empty string for one that was never given out. */
  bytes(handle: number): Uint8Array {
    return this.#strings[handle]?.slice() ?? new Uint8Array();
  }

  get size(): number {
    return this.#strings.length;
  }

  /** Forgets the strings interned since the pool had `size` of them. */
  truncate(size: number): void {
    for (const bytes of this.#strings.splice(size)) this.#handles.delete(keyOf(bytes));
  }

  /**
   * Handles of the strings in a constant as a file stores it: their count, count + 1 offsets from
   * the start (each 4 bytes, little-endian), then the bytes.
   */
  decode(data: Uint8Array, count: number): Int32Array {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const damaged = () =>
      new LinnetError('INVALID_MODEL', `A constant of ${count} strings is damaged.`);
    if (data.length < 4 || view.getInt32(0, true) !== count) throw damaged();
    if (data.length < 4 * (count + 2)) throw damaged();
    return Int32Array.from({ length: count }, (_, index) => {
      const begin = view.getInt32(4 * (index + 1), true);
      const end = view.getInt32(4 * (index + 2), true);
      if (begin < 0 || end < begin || end > data.length) throw damaged();
      return this.intern(data.subarray(begin, end));
    });
  }
}

/** One character per byte: injective, and a map key. */
function keyOf(bytes: Uint8Array): string {
  let key = '';
  for (const byte of bytes) key += String.fromCharCode(byte);
  return key;
}
