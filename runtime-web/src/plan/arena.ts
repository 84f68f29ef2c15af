import { alignUp, BlockList, firstAfter } from './block-list.js';
import { type Lifetime, mostAlive } from './liveness.js';
import type { ArenaLayout } from './plan.js';

/** Offsets by buffer, and the size that holds them all. */
interface Layout {
  readonly offsets: ReadonlyMap<number, number>;
  readonly bytes: number;
}

type Order = (a: Lifetime, b: Lifetime) => number;

const bySize: Order = (a, b) => b.bytes - a.bytes || a.first - b.first || a.buffer - b.buffer;

const byDuration: Order = (a, b) =>
  b.last - b.first - (a.last - a.first) || b.bytes - a.bytes || a.buffer - b.buffer;

const byFirstUse: Order = (a, b) => a.first - b.first || b.bytes - a.bytes || a.buffer - b.buffer;

/**
 * Ways to lay out buffers; which is best depends on the graph.
 * Source of the first: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
 * Inference" (greedy by size for offset calculation).
 */
const STRATEGIES: readonly ((lifetimes: readonly Lifetime[]) => Layout)[] = [
  (lifetimes) => place(lifetimes.toSorted(bySize)),
  (lifetimes) => place(lifetimes.toSorted(byDuration)),
  (lifetimes) => replay(lifetimes),
];

/** Placing takes the square of the number of buffers in time; longer lists are replayed only. */
const MAX_TO_PLACE = 2000;

/** Places buffers so that those alive at the same time do not overlap, in little memory. */
export function layOut(lifetimes: readonly Lifetime[]): ArenaLayout {
  const lowerBound = mostAlive(lifetimes, alignUp);
  const strategies = lifetimes.length > MAX_TO_PLACE ? [replay] : STRATEGIES;
  let best: Layout = { offsets: new Map(), bytes: Number.POSITIVE_INFINITY };
  for (const layOutBy of strategies) {
    const layout = layOutBy(lifetimes);
    if (layout.bytes < best.bytes) best = layout;
    if (best.bytes === lowerBound) break;
  }
  return { ...best, lowerBound };
}

/** Gives out and takes back buffers in the order of their uses. */
function replay(lifetimes: readonly Lifetime[]): Layout {
  const offsets = new Map<number, number>();
  const blocks = new BlockList(0);
  const ending = lifetimes.toSorted((a, b) => a.last - b.last || a.buffer - b.buffer);
  let ended = 0;
  let bytes = 0;
  for (const { buffer, bytes: size, first } of lifetimes.toSorted(byFirstUse)) {
    for (; (ending[ended]?.last ?? first) < first; ended++) {
      blocks.free(offsets.get((ending[ended] as Lifetime).buffer) as number);
    }
    offsets.set(buffer, blocks.allocate(size));
    bytes = Math.max(bytes, blocks.end);
  }
  return { offsets, bytes };
}

/** Puts each buffer into the smallest gap that holds it between those placed that are alive with it. */
function place(lifetimes: readonly Lifetime[]): Layout {
  const offsets = new Map<number, number>();
  // Sorted by offset, as gaps are found between neighbours.
  const placed: (Lifetime & { offset: number; end: number })[] = [];
  for (const lifetime of lifetimes) {
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
    placed.splice(
      firstAfter(placed, (entry) => entry.offset, offset),
      0,
      { ...lifetime, offset, end: offset + size },
    );
    offsets.set(lifetime.buffer, offset);
  }
  return { offsets, bytes: placed.reduce((most, { end }) => Math.max(most, end), 0) };
}
