import type { GpuMemory } from './memory.js';
import { BUFFER, MAP_READ } from './usage.js';

/** Where a segment's outputs lie in the buffer by which the host reads them. */
export interface Reading {
  readonly source: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** Buffers by which the host reads outputs: one for each reading under way, used again after it. */
export class Staging {
  readonly #free: GPUBuffer[] = [];
  readonly #buffers: GPUBuffer[] = [];
  readonly #bytes: number;

  constructor(
    readonly memory: GpuMemory,
    readonly readings: readonly Reading[],
  ) {
    const last = readings.at(-1);
    this.#bytes = last === undefined ? 0 : last.offset + last.bytes;
  }

  /** Encodes the copies to a buffer, which `read` then takes. */
  encode(encoder: GPUCommandEncoder): GPUBuffer | null {
    if (this.#bytes === 0) return null;
    const buffer = this.#free.pop() ?? this.#create();
    for (const { source, offset, bytes } of this.readings) {
      if (bytes > 0) encoder.copyBufferToBuffer(source, 0, buffer, offset, alignWord(bytes));
    }
    return buffer;
  }

  /** The outputs, once the copies to a buffer that have been submitted are done. */
  async read(buffer: GPUBuffer | null): Promise<readonly Uint8Array[]> {
    if (buffer === null) return this.readings.map(() => new Uint8Array());
    await buffer.mapAsync(MAP_READ);
    const mapped = new Uint8Array(buffer.getMappedRange());
    const outputs = this.readings.map(({ offset, bytes }) => mapped.slice(offset, offset + bytes));
    buffer.unmap();
    this.#free.push(buffer);
    return outputs;
  }

  dispose(): void {
    for (const buffer of this.#buffers) this.memory.destroy(buffer);
  }

  #create(): GPUBuffer {
    const buffer = this.memory.create('staging', this.#bytes, BUFFER.MAP_READ | BUFFER.COPY_DST);
    this.#buffers.push(buffer);
    return buffer;
  }
}

/** Copies come in whole words. */
export function alignWord(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
