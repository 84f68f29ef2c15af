import type { Lifetime } from './arena.js';
import type { PlanBuffer, Segment } from './plan.js';

/**
 * From which to which step each arena buffer is in use: a segment's inputs from before its first
 * call on, its outputs until after its last. Buffers that nothing uses are left out.
 */
export function lifetimes(
  buffers: readonly PlanBuffer[],
  segments: readonly Segment[],
): readonly Lifetime[] {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  let step = 0;
  const use = (uses: readonly { readonly buffer: number }[]) => {
    for (const { buffer } of uses) {
      if (!first.has(buffer)) first.set(buffer, step);
      last.set(buffer, step);
    }
    step++;
  };
  for (const { inputs, calls, outputs } of segments) {
    use(inputs.map(({ ref }) => ref));
    for (const { uses } of calls) use(uses);
    use(outputs.map(({ ref }) => ref));
  }
  return buffers.flatMap((buffer, index) => {
    const begin = first.get(index);
    if (buffer.kind !== 'arena' || begin === undefined) return [];
    return [{ buffer: index, bytes: buffer.bytes, first: begin, last: last.get(index) ?? begin }];
  });
}
