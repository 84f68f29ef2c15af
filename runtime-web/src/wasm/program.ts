import type { BoundProgram, CallCost, Contents, Span, TimedRun } from '../plan/backend.js';
import { faultError } from '../plan/fault.js';
import type { Call, Segment } from '../plan/plan.js';
import { readTimes, STEP_TIMES_BYTES, setTimes } from './abi.js';
import type { WasmBackend } from './backend.js';
import { costOf } from './cost.js';
import type { Block } from './heap.js';
import type { KernelCall } from './lowering.js';

/** A segment whose steps lie at an address. */
export interface PlacedSegment extends Segment<KernelCall> {
  readonly code: number;
}

/** A program in the memory of its backend. */
export class WasmProgram implements BoundProgram {
  #owned: readonly number[];
  /** By segment, those that a profile has asked for. */
  readonly #costs = new Map<number, readonly CallCost[]>();

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
    const { heap, pool } = this.backend;
    const { calls } = this.segments[segment] as PlacedSegment;
    const costs = this.#costsOf(segment);
    const times = heap.allocate(pool.threads * calls.length * STEP_TIMES_BYTES);
    setTimes(heap.memory, pool.team, times);
    try {
      const outputs = this.execute(segment, inputs, 'INVALID_ARGUMENT');
      const spans = readTimes(heap.memory, times, calls.length, pool.threads);
      const steps = calls.map(({ work, node, site }, step) => ({
        kernel: work.kernel,
        node,
        site,
        cost: costs[step] as CallCost,
        spans: spans[step] as readonly Span[],
      }));
      return { outputs, steps };
    } finally {
      setTimes(heap.memory, pool.team, 0);
      heap.free(times);
    }
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

  #costsOf(segment: number): readonly CallCost[] {
    const bytesOf = (buffer: number) => (this.blocks.get(buffer) as Block).bytes;
    const costs =
      this.#costs.get(segment) ??
      (this.segments[segment] as PlacedSegment).calls.map(({ work }) => costOf(work, bytesOf));
    this.#costs.set(segment, costs);
    return costs;
  }

  #address(ref: { buffer: number; offset: number }): number {
    return (this.blocks.get(ref.buffer) as Block).address + ref.offset;
  }

  dispose(): void {
    for (const address of this.#owned) this.backend.heap.free(address);
    this.#owned = [];
  }
}
