import type { PlanBuffer, Segment } from './plan.js';

/** A buffer's size and the steps, both included, between which its contents matter. */
export interface Lifetime {
  readonly buffer: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

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

/** The most bytes that are alive at one step, each buffer's `rounded`: no layout can be smaller. */
export function mostAlive(
  lifetimes: readonly Lifetime[],
  rounded: (bytes: number) => number,
): number {
  const changes = lifetimes.flatMap(({ first, last, bytes }) => [
    { step: first, bytes: rounded(bytes) },
    { step: last + 1, bytes: -rounded(bytes) },
  ]);
  changes.sort((a, b) => a.step - b.step || a.bytes - b.bytes);
  let alive = 0;
  let most = 0;
  for (const { bytes } of changes) {
    alive += bytes;
    most = Math.max(most, alive);
  }
  return most;
}
