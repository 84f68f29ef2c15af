import { LinnetError } from '@linnet/schema';
import type { Resident } from '../plan/backend.js';
import { guarded } from './guarded.js';
import type { GpuMemory } from './memory.js';
import { alignWord } from './staging.js';
import { BUFFER, MAP_READ } from './usage.js';

/** A tensor in a buffer: the caller's, or one that was made for the caller. */
export class GpuTensor implements Resident {
  constructor(
    readonly memory: GpuMemory,
    readonly buffer: GPUBuffer,
    readonly byteLength: number,
  ) {}

  /** @throws LinnetError of code INVALID_ARGUMENT where the device cannot read the buffer */
  async check(): Promise<void> {
    await this.read().catch((cause: unknown) => {
      throw new LinnetError(
        'INVALID_ARGUMENT',
        'A buffer for an input is destroyed, or another device made it.',
        {},
        ['Pass buffers of model.device, and destroy them when the runs that read them have ended.'],
        { cause },
      );
    });
  }

  async read(): Promise<Uint8Array> {
    const { device } = this.memory;
    const bytes = alignWord(this.byteLength);
    if (bytes === 0) return new Uint8Array();
    const readable = this.memory.create('reading', bytes, BUFFER.MAP_READ | BUFFER.COPY_DST);
    try {
      await guarded(device, () => {
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(this.buffer, 0, readable, 0, bytes);
        device.queue.submit([encoder.finish()]);
        return readable.mapAsync(MAP_READ);
      });
      return new Uint8Array(readable.getMappedRange(0, bytes)).slice(0, this.byteLength);
    } finally {
      this.memory.destroy(readable);
    }
  }
}
