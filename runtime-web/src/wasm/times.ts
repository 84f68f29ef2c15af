/** What runtime-wasm/src/program.h declares for profiles. */
import type { Span } from '../plan/backend.js';

/** The word of a team that says where it notes times. */
const TIMES = 7;

/** When a thread began and ended a step: two float64. */
export const STEP_TIMES_BYTES = 16;

/** Tells a team where to note its times from the next run on; 0 is nowhere. */
export function setTimes(memory: WebAssembly.Memory, team: number, times: number): void {
  new Uint32Array(memory.buffer, team)[TIMES] = times;
}

/** Spans by step and thread. */
export function readTimes(
  memory: WebAssembly.Memory,
  times: number,
  steps: number,
  threads: number,
): readonly (readonly Span[])[] {
  const noted = new Float64Array(memory.buffer, times, 2 * steps * threads);
  const span = (at: number) => ({ begin: noted[at] as number, end: noted[at + 1] as number });
  return Array.from({ length: steps }, (_, step) =>
    Array.from({ length: threads }, (_, thread) => span(2 * (thread * steps + step))),
  );
}
