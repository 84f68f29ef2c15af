import type { ArenaLayout } from './plan.js';

/** Every buffer starts at a multiple of this: a cache line, and four vectors. */
export const ALIGNMENT = 64;

/** A buffer's size and the steps, both included, between which its contents matter. */
export interface Lifetime {
  readonly buffer: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/**
 * Places buffers so that those alive at the same time do not overlap: largest first, each into the
 * smallest gap that holds it between the buffers already placed that are alive with it.
 * Source: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference" (greedy by
 * size for offset calculation).
 */
export function layOut(lifetimes: readonly Lifetime[]): ArenaLayout {
  const bySize = [...lifetimes].sort(
    (a, b) => b.bytes - a.bytes || a.first - b.first || a.buffer - b.buffer,
  );
  // Sorted by offset, as gaps are found between neighbours.
  const placed: (Lifetime & { offset: number; end: number })[] = [];
  const offsets = new Map<number, number>();
  let total = 0;
  for (const lifetime of bySize) {
    const size = alignUp(lifetime.bytes);
    let best: { offset: number; gap: number } | null = null;
    let free = 0;
    for (const other of placed) {
      if (other.last < lifetime.first || other.first > lifetime.last) continue;
      const gap = other.offset - free;
      if (gap >= size && (best === null || gap < best.gap)) best = { offset: free, gap };
      free = Math.max(free, other.end);
    }
    const offset = best?.offset ?? free;
    const entry = { ...lifetime, offset, end: offset + size };
    placed.splice(firstAfter(placed, offset), 0, entry);
    offsets.set(lifetime.buffer, offset);
    total = Math.max(total, entry.end);
  }
  return { offsets, bytes: total, lowerBound: mostAlive(lifetimes) };
}

/** Index of the first entry whose offset is greater, in entries sorted by offset. */
function firstAfter(entries: readonly { offset: number }[], offset: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The most aligned bytes that are alive at one step. */
function mostAlive(lifetimes: readonly Lifetime[]): number {
  const changes = lifetimes.flatMap(({ first, last, bytes }) => [
    { step: first, bytes: alignUp(bytes) },
    { step: last + 1, bytes: -alignUp(bytes) },
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
