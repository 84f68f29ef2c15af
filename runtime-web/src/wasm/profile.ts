/** What is only fetched for profiles: programs on the kernels with times, and what the machine reaches. */
import type { CallCost, Contents, Span, TimedRun } from '../plan/backend.js';
import { costOf } from './cost.js';
import type { Block } from './heap.js';
import type { PlacedSegment, WasmProgram } from './program.js';
import { readTimes, STEP_TIMES_BYTES, setTimes } from './times.js';

export { measurePeaks } from './peaks.js';

const COSTS = new WeakMap<PlacedSegment, readonly CallCost[]>();

/** Runs a segment of a program; the threads note when each call begins and ends. */
export function profileSegment(
  program: WasmProgram,
  index: number,
  inputs: readonly Contents[],
): TimedRun {
  const { heap, team } = program.backend;
  const segment = program.segments[index] as PlacedSegment;
  const { calls } = segment;
  const costs = costsOf(program, segment);
  const times = heap.allocate(team.threads * calls.length * STEP_TIMES_BYTES);
  setTimes(heap.memory, team.address, times);
  try {
    const outputs = program.execute(index, inputs, 'INVALID_ARGUMENT');
    const spans = readTimes(heap.memory, times, calls.length, team.threads);
    const steps = calls.map(({ work, node, site }, step) => ({
      kernel: work.kernel,
      node,
      site,
      cost: costs[step] as CallCost,
      spans: spans[step] as readonly Span[],
    }));
    return { outputs, steps };
  } finally {
    setTimes(heap.memory, team.address, 0);
    heap.free(times);
  }
}

function costsOf({ backend, blocks }: WasmProgram, segment: PlacedSegment): readonly CallCost[] {
  const bytesOf = (buffer: number) => (blocks.get(buffer) as Block).bytes;
  const costs =
    COSTS.get(segment) ?? segment.calls.map(({ work }) => costOf(backend.table, work, bytesOf));
  COSTS.set(segment, costs);
  return costs;
}
