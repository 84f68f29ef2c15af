import { TURN_MS, takeTurn } from '../base.js';
import type { BoundProgram, Contents, TimedRun } from '../plan/backend.js';
import { faultError } from '../plan/fault.js';
import type { Call, Segment } from '../plan/plan.js';
import { STEP_BYTES } from './abi.js';
import type { WasmBackend } from './backend.js';
import type { Block } from './heap.js';
import type { KernelCall } from './lowering.js';
import { profileCode } from './profile-code.js';

/** What is to blame for values that kernels cannot work with. */
type Blame = 'INVALID_ARGUMENT' | 'INVALID_MODEL';

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

  async run(
    index: number,
    inputs: readonly Contents[],
    inTurns = false,
  ): Promise<readonly Uint8Array[]> {
    if (!inTurns) return this.execute(index, inputs, 'INVALID_ARGUMENT');
    const segment = this.segments[index] as PlacedSegment;
    this.#take(segment, inputs);
    let began = performance.now();
    for (let call = 0; call < segment.calls.length; call++) {
      this.#carryOut(segment, call, call + 1, 'INVALID_ARGUMENT');
      if (performance.now() - began < TURN_MS) continue;
      await takeTurn();
      began = performance.now();
    }
    return this.#outputs(segment);
  }

  async profile(segment: number, inputs: readonly Contents[]): Promise<TimedRun> {
    const { profileSegment } = await profileCode();
    return profileSegment(this, segment, inputs);
  }

  /** @throws LinnetError of the code `blame` for values that kernels cannot work with */
  execute(index: number, inputs: readonly Contents[], blame: Blame): readonly Uint8Array[] {
    const segment = this.segments[index] as PlacedSegment;
    this.#take(segment, inputs);
    this.#carryOut(segment, 0, segment.calls.length, blame);
    return this.#outputs(segment);
  }

  #take({ inputs: ports }: PlacedSegment, inputs: readonly Contents[]): void {
    ports.forEach(({ ref }, index) => {
      this.backend.heap.view.set(inputs[index] as Uint8Array, this.#address(ref));
    });
  }

  /** Runs the calls from `from` to before `end`. */
  #carryOut({ calls, code }: PlacedSegment, from: number, end: number, blame: Blame): void {
    if (from === end) return;
    const fault = this.backend.execute(code + STEP_BYTES * from, end - from);
    if (fault !== null) throw faultError(fault, (calls[from + fault.step] as Call).node, blame);
  }

  #outputs({ outputs }: PlacedSegment): readonly Uint8Array[] {
    const { heap } = this.backend;
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
