import { LinnetError } from '@linnet/schema';
import { faultError } from '../plan/fault.js';
import type { Call, NodeLabel } from '../plan/plan.js';
import type { GpuMemory } from './memory.js';
import { Staging } from './staging.js';
import { BUFFER } from './usage.js';
import { FAULT_BYTES, RANGE_FAULT, type Shader } from './wgsl/kernel.js';

/** Storage is bound at multiples of this, the default limit of all devices. */
const ALIGNMENT = 256;

/** Where the shaders of a segment put values that they cannot work with. */
export class SegmentFaults {
  readonly #staging: Staging;

  /** Null for calls of which none can meet such values; the buffer is added to `owned`. */
  static of(
    memory: GpuMemory,
    calls: readonly Call<Shader>[],
    owned: GPUBuffer[],
  ): SegmentFaults | null {
    const reporting = calls.filter(({ work }) => work.faults);
    if (reporting.length === 0) return null;
    const usage = BUFFER.STORAGE | BUFFER.COPY_SRC | BUFFER.COPY_DST;
    const buffer = memory.create('faults', ALIGNMENT * reporting.length, usage);
    owned.push(buffer);
    return new SegmentFaults(memory, reporting, buffer);
  }

  private constructor(
    memory: GpuMemory,
    readonly calls: readonly Call<Shader>[],
    readonly buffer: GPUBuffer,
  ) {
    const bytes = ALIGNMENT * calls.length;
    this.#staging = new Staging(memory, [{ source: buffer, offset: 0, bytes }]);
  }

  /** Where a call's shader puts its fault. */
  bindingOf(shader: Shader): GPUBufferBinding {
    const at = this.calls.findIndex(({ work }) => work === shader);
    return { buffer: this.buffer, offset: at * ALIGNMENT, size: FAULT_BYTES };
  }

  clear(encoder: GPUCommandEncoder): void {
    encoder.clearBuffer(this.buffer);
  }

  /** Encodes the copy that `check` then reads. */
  encode(encoder: GPUCommandEncoder): GPUBuffer | null {
    return this.#staging.encode(encoder);
  }

  /** @throws LinnetError of code INVALID_ARGUMENT, or OUT_OF_RANGE, for the first call that has met such a value */
  async check(copy: GPUBuffer | null): Promise<void> {
    const [bytes] = (await this.#staging.read(copy)) as [Uint8Array];
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (const [at, { node }] of this.calls.entries()) {
      const first = at * ALIGNMENT;
      const kind = view.getUint32(first, true);
      if (kind === 0) continue;
      if (kind === RANGE_FAULT) throw rangeError(view.getFloat32(first + 4, true), node);
      const value = view.getBigInt64(first + 4, true);
      const bound = BigInt(view.getUint32(first + 12, true));
      throw faultError({ kind, value, bound }, node, 'INVALID_ARGUMENT');
    }
  }

  dispose(): void {
    this.#staging.dispose();
  }
}

function rangeError(value: number, { name, op }: NodeLabel): LinnetError {
  const message = `A value of magnitude ${value.toPrecision(4)} is too large to be multiplied in float16.`;
  return new LinnetError('OUT_OF_RANGE', message, { node: name, op }, [
    'From now on the model computes in float32; reset its variables and run it again.',
  ]);
}
