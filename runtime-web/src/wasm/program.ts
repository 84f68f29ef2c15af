import type { BoundProgram, Contents, TimedRun } from '../plan/backend.js';
import { faultError } from '../plan/fault.js';
import type { Call, Segment } from '../plan/plan.js';
import type { WasmBackend } from './backend.js';
import type { Block } from './heap.js';
import type { KernelCall } from './lowering.js';
import { profileCode } from './profile-code.js';

/** A segment whose steps lie at an address. */
export interface PlacedSegment extends Segment<KernelCall> {
  readonly code: number;
}

/** A program in the memory of its backend. */
export class WasmProgram implements BoundProgram {
  #owned: readonly number[];

  constructor(
    readonly backend: WasmBackend,
    readonly segments: readonly PlacedSegment[],
    readonly blocks: ReadonlyMap<number, Block>,
    owned: readonly number[],
    readonly bytes: number,
  ) {
    this.#owned = owned;
  }

  async run(segment: number, inputs: readonly Contents[]): Promise<readonly Uint8Array[]> {
    return this.execute(segment, inputs, 'INVALID_ARGUMENT');
  }

  async profile(segment: number, inputs: readonly Contents[]): Promise<TimedRun> {
    const { profileSegment } = await profileCode();
    return profileSegment(this, segment, inputs);
  }

  /** @throws LinnetError of the code `blame` for values that kernels cannot work with */
  execute(
    segment: number,
    inputs: readonly Contents[],
    blame: 'INVALID_ARGUMENT' | 'INVALID_MODEL',
  ): readonly Uint8Array[] {
    const { heap } = this.backend;
    const { calls, code, inputs: inputPorts, outputs } = this.segments[segment] as PlacedSegment;
    inputPorts.forEach(({ ref }, index) => {
      heap.view.set(inputs[index] as Uint8Array, this.#address(ref));
    });
    const fault = calls.length > 0 ? this.backend.execute(code, calls.length) : null;
    if (fault !== null) throw faultError(fault, (calls[fault.step] as Call).node, blame);
    return outputs.map(({ ref, bytes }) => {
      const address = this.#address(ref);
      return heap.view.slice(address, address + bytes);
    });
  }

  #address(ref: { buffer: number; offset: number }): number {
    return (this.blocks.get(ref.buffer) as Block).address + ref.offset;
  }

  dispose(): void {
    for (const address of this.#owned) this.backend.heap.free(address);
    this.#owned = [];
  }
}
