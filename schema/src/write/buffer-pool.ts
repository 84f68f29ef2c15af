/** The buffers of a file: one for each distinct content, in the order of first use. */
export class BufferPool {
  /** Entry 0 is the empty buffer that tensors without contents refer to. */
  readonly contents: (Uint8Array | null)[] = [null];
  private readonly byHash = new Map<number, number[]>();

  /** The index of the buffer with these contents; null for a tensor without any. */
  add(data: Uint8Array | null): number {
    if (data === null) return 0;
    const hash = hashOf(data);
    const candidates = this.byHash.get(hash) ?? [];
    const found = candidates.find((index) => isEqual(this.contents[index] as Uint8Array, data));
    if (found !== undefined) return found;
    const index = this.contents.push(data) - 1;
    this.byHash.set(hash, [...candidates, index]);
    return index;
  }
}

/** FNV-1a over 32-bit words, the length included. */
function hashOf(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const words = data.length >> 2;
  let hash = 0x811c9dc5 ^ data.length;
  for (let i = 0; i < words; i++) hash = Math.imul(hash ^ view.getUint32(4 * i, true), 0x01000193);
  for (let i = 4 * words; i < data.length; i++) {
    hash = Math.imul(hash ^ (data[i] as number), 0x01000193);
  }
  return hash;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
