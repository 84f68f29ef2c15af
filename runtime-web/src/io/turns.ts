/** Work in parts, between which the event loop gets its turn: no page stands still meanwhile. */

/** What newer browsers have, whose turns come sooner than a timer's. */
interface WithScheduler {
  readonly scheduler?: { readonly yield?: () => Promise<void> };
}

/** Resolves after the event loop has had a turn. */
export function takeTurn(): Promise<void> {
  const { scheduler } = globalThis as WithScheduler;
  if (scheduler?.yield) return scheduler.yield();
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve);
  });
}

/** Bytes that are worked on in one turn: some milliseconds. */
export const TURN_BYTES = 2 ** 22;

/** Does work that yields the numbers of bytes it has got through, in turns. */
export async function inTurns<T>(work: Generator<number, T>): Promise<T> {
  let bytes = 0;
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    bytes += value;
    if (bytes < TURN_BYTES) continue;
    bytes = 0;
    await takeTurn();
  }
}

/** Does such work at once. */
export function atOnce<T>(work: Generator<number, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
