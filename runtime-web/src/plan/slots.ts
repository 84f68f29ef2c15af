import { type Lifetime, mostAlive } from './liveness.js';
import type { ArenaLayout } from './plan.js';

interface Slot {
  readonly offset: number;
  readonly bytes: number;
  readonly uses: Lifetime[];
}

/**
 * Places buffers in slots: two buffers have the same offset or do not touch at all, so that each
 * slot can be an object of its own for backends whose calls must not read and write one object.
 * Source: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference" (greedy by
 * size for shared objects).
 */
export function shareSlots(lifetimes: readonly Lifetime[]): ArenaLayout {
  const slots: Slot[] = [];
  const offsets = new Map<number, number>();
  let end = 0;
  const bySize = lifetimes.toSorted((a, b) => b.bytes - a.bytes || a.buffer - b.buffer);
  for (const lifetime of bySize) {
    const { buffer, first, last } = lifetime;
    const isFree = ({ uses }: Slot) => uses.every((use) => use.last < first || use.first > last);
    // Later buffers are smaller, so the last slot that is free wastes least.
    let slot = slots.findLast(isFree);
    if (slot === undefined) {
      const bytes = slotBytes(lifetime.bytes);
      slot = { offset: end, bytes, uses: [] };
      slots.push(slot);
      end += bytes;
    }
    slot.uses.push(lifetime);
    offsets.set(buffer, slot.offset);
  }
  return { offsets, bytes: end, lowerBound: mostAlive(lifetimes, slotBytes) };
}

/** Slots are whole vectors of four words, so that shaders may read and write those that end a tensor. */
export function slotBytes(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}
