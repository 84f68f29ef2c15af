import { invariant } from '@linnet/schema';
import { disposedError } from '../base.js';
import { bytesOf } from '../model/storage.js';
import type { PlanBuffer, Program } from '../plan/plan.js';
import { slotBytes } from '../plan/slots.js';
import { GpuTensor } from './tensor.js';
import { BUFFER } from './usage.js';

export const STORAGE = BUFFER.STORAGE | BUFFER.COPY_SRC | BUFFER.COPY_DST;

/** Buffers that outlive the programs which use them, and those of programs. */
export class GpuMemory {
  /** Constants by their ids. */
  readonly #residents = new Map<string, GPUBuffer>();
  /** What is kept between runs, by its ids. */
  readonly #state = new Map<string, GPUBuffer>();
  readonly #all = new Set<GPUBuffer>();
  #isDestroyed = false;

  constructor(readonly device: GPUDevice) {}

  /** Bytes of constants. */
  get constants(): number {
    return sum(this.#residents.values());
  }

  /** Bytes of what is kept between runs. */
  get state(): number {
    return sum(this.#state.values());
  }

  /** Bytes of all buffers. */
  get total(): number {
    return sum(this.#all);
  }

  /** @throws LinnetError of code DISPOSED once all has been destroyed, maybe between two turns of some work */
  create(label: string, bytes: number, usage: number): GPUBuffer {
    if (this.#isDestroyed) throw disposedError();
    const buffer = this.device.createBuffer({ label, size: slotBytes(bytes), usage });
    this.#all.add(buffer);
    return buffer;
  }

  /** A new buffer for a tensor that outlives this memory: whoever gets it destroys it. */
  tensor(bytes: number): GpuTensor {
    const buffer = this.device.createBuffer({ size: slotBytes(bytes), usage: STORAGE });
    return new GpuTensor(this, buffer, bytes);
  }

  destroy(buffer: GPUBuffer): void {
    this.#all.delete(buffer);
    buffer.destroy();
  }

  destroyAll(): void {
    this.#isDestroyed = true;
    for (const buffer of this.#all) buffer.destroy();
    this.#all.clear();
    this.#residents.clear();
    this.#state.clear();
  }

  /** Queues that all that is kept between runs becomes zero. */
  resetState(): void {
    const encoder = this.device.createCommandEncoder();
    for (const buffer of this.#state.values()) encoder.clearBuffer(buffer);
    this.device.queue.submit([encoder.finish()]);
  }

  /**
   * The buffers that a program uses, by their indices; those that belong to it alone are added to
   * `owned`. Yields after each constant, which may have taken a while to make.
   */
  *place(program: Program, owned: GPUBuffer[]): Generator<void, ReadonlyMap<number, GPUBuffer>> {
    const placed = new Map<number, GPUBuffer>();
    const own = (label: string, bytes: number) => {
      const buffer = this.create(label, bytes, STORAGE);
      owned.push(buffer);
      return buffer;
    };
    const slots = new Map<number, number>();
    for (const [index, offset] of program.arena.offsets) {
      const { bytes } = program.buffers[index] as Extract<PlanBuffer, { kind: 'arena' }>;
      slots.set(offset, Math.max(slots.get(offset) ?? 0, bytes));
    }
    const bySlot = new Map([...slots].map(([offset, bytes]) => [offset, own('slot', bytes)]));
    for (const [index, offset] of program.arena.offsets) {
      placed.set(index, bySlot.get(offset) as GPUBuffer);
    }
    for (const index of usedBy(program)) {
      const buffer = program.buffers[index] as PlanBuffer;
      if (buffer.kind === 'arena') continue;
      placed.set(index, this.#placeFixed(buffer, own));
      yield;
    }
    return placed;
  }

  #placeFixed(
    buffer: Exclude<PlanBuffer, { kind: 'arena' }>,
    own: (label: string, bytes: number) => GPUBuffer,
  ): GPUBuffer {
    if (buffer.kind === 'state') {
      const kept = this.#state.get(buffer.id) ?? this.create('state', buffer.bytes, STORAGE);
      this.#state.set(buffer.id, kept);
      return kept;
    }
    invariant(buffer.kind !== 'computed', 'A device does not compute constants.');
    const isMade = buffer.kind === 'made';
    const id = isMade ? buffer.id : buffer.known.id;
    const key = id === null ? null : `${buffer.kind} ${id}`;
    const resident = key === null ? undefined : this.#residents.get(key);
    if (resident !== undefined) return resident;
    const contents = isMade ? bytesOf(buffer.make()) : buffer.known.bytes;
    const made =
      key === null
        ? own('constant', contents.length)
        : this.create('constant', contents.length, STORAGE);
    if (key !== null) this.#residents.set(key, made);
    this.write(made, contents);
    return made;
  }

  /** Queues the writing of bytes to a buffer's start. */
  write(buffer: GPUBuffer, bytes: Uint8Array): void {
    const whole = bytes.length & ~3;
    const { queue } = this.device;
    if (whole > 0) queue.writeBuffer(buffer, 0, bytes as Uint8Array<ArrayBuffer>, 0, whole);
    if (whole === bytes.length) return;
    const rest = new Uint8Array(4);
    rest.set(bytes.subarray(whole));
    queue.writeBuffer(buffer, whole, rest);
  }
}

function usedBy({ segments }: Program): ReadonlySet<number> {
  const refs = segments.flatMap(({ calls, inputs, outputs }) => [
    ...[...inputs, ...outputs].map(({ ref }) => ref),
    ...calls.flatMap(({ uses }) => uses),
  ]);
  return new Set(refs.map(({ buffer }) => buffer));
}

function sum(buffers: Iterable<GPUBuffer>): number {
  return [...buffers].reduce((total, { size }) => total + size, 0);
}
