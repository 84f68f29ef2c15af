/** Work in parts, between which the event loop gets its turn: no page stands still meanwhile. */

/**
 * Resolves after the event loop has had a turn. A message comes after the tasks that wait already, which
 * the continuation of scheduler.yield would go before, and sooner than timers, which browsers slow down.
 */
export function takeTurn(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** About so many milliseconds no page stands still. */
export const TURN_MS = 10;

/** Bytes that are worked on in one turn: some milliseconds. */
export const TURN_BYTES = 2 ** 21;

/**
 * Does work that yields the numbers of bytes it has got through, or of those that take as long, in turns.
 * Code that runs first takes longer than its bytes say, so turns end by time as well.
 */
export async function inTurns<T>(
  work: Generator<number, T> | AsyncGenerator<number, T>,
): Promise<T> {
  let [bytes, end] = [0, performance.now() + TURN_MS];
  for (;;) {
    const { done, value } = await work.next();
    if (done) return value;
    bytes += value;
    if (bytes < TURN_BYTES && performance.now() < end) continue;
    await takeTurn();
    [bytes, end] = [0, performance.now() + TURN_MS];
  }
}

/** Does such work at once. */
export function atOnce<T>(work: Generator<number, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
