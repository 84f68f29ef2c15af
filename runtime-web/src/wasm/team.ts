import { TEAM, TEAM_BYTES } from './abi.js';
import type { Heap } from './heap.js';

/** The threads that run programs: the caller's and, with threads.ts, others. */
export interface Team {
  /** In the kernels' memory. */
  readonly address: number;
  readonly threads: number;
  /** Lets the other threads end; they must not be at work. */
  stop(): void;
}

/** A team's block in memory; `leaderWaits` where the caller's thread may block. */
export function teamBlock(heap: Heap, threads: number, leaderWaits: boolean): number {
  const address = heap.allocate(TEAM_BYTES);
  const words = new Int32Array(heap.memory.buffer, address, TEAM_BYTES / 4).fill(0);
  words[TEAM.threads] = threads;
  words[TEAM.leaderWaits] = leaderWaits ? 1 : 0;
  return address;
}

/** The caller's thread alone. */
export function teamOfOne(heap: Heap): Team {
  return { address: teamBlock(heap, 1, false), threads: 1, stop: () => {} };
}
