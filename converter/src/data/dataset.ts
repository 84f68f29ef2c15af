import { LinnetError } from '@linnet/schema';
import { throwIfAborted } from '../abort.js';
import { type Random, seededRandom } from '../verify/random-inputs.js';

/** What a dataset can be made from; an iterator that is opened must be closed by `return`. */
export type Elements<T> = AsyncIterable<T> | Iterable<T>;

/**
 * A sequence that can be walked any number of times, one element in memory at a time.
 *
 * Every method gives a new dataset that reads this one when it is walked. Whoever stops early, by
 * `break`, an error or an abort, closes all sources on the way.
 */
export class Dataset<T> implements AsyncIterable<T> {
  /**
   * @param open begins a walk
   * @param size the number of elements, where it is known without walking
   */
  constructor(
    readonly open: () => Elements<T>,
    readonly size?: number,
  ) {}

  /** A dataset of what an iterable gives; one that can be walked only once makes one such. */
  static from<T>(elements: Elements<T>): Dataset<T> {
    return new Dataset(() => elements, Array.isArray(elements) ? elements.length : undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    yield* this.open();
  }

  /** `change` gets each element and its index. */
  map<U>(change: (element: T, index: number) => U | Promise<U>): Dataset<U> {
    return this.#derive(async function* (elements) {
      let index = 0;
      for await (const element of elements) yield await change(element, index++);
    }, this.size);
  }

  /** Arrays of `count` elements; the last one holds what is left. */
  batch(count: number): Dataset<readonly T[]> {
    expectCount('batch', count, 1);
    const size = this.size === undefined ? undefined : Math.ceil(this.size / count);
    return this.#derive(async function* (elements) {
      let batch: T[] = [];
      for await (const element of elements) {
        if (batch.push(element) < count) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    }, size);
  }

  /** The first `count` elements. */
  take(count: number): Dataset<T> {
    expectCount('take', count, 0);
    const size = this.size === undefined ? undefined : Math.min(this.size, count);
    return this.#derive(async function* (elements) {
      let left = count;
      if (left === 0) return;
      for await (const element of elements) {
        yield element;
        if (--left === 0) return;
      }
    }, size);
  }

  /**
   * The elements in another order: each is drawn from the `buffer` next ones. Walks with the same
   * seed give the same order on any machine; a buffer of the dataset's size makes it uniform.
   */
  shuffle(seed: number, buffer: number): Dataset<T> {
    expectCount('shuffle', buffer, 1);
    return this.#derive(async function* (elements) {
      const random = seededRandom(seed);
      const waiting: T[] = [];
      for await (const element of elements) {
        if (waiting.length < buffer) waiting.push(element);
        else yield draw(waiting, random, element);
      }
      while (waiting.length > 0) yield draw(waiting, random);
    }, this.size);
  }

  /** Keeps every element in memory once it has been walked to the end. */
  cache(): Dataset<T> {
    let kept: readonly T[] | undefined;
    const source = this;
    return new Dataset<T>(async function* () {
      if (kept !== undefined) {
        yield* kept;
        return;
      }
      const seen: T[] = [];
      for await (const element of source) {
        seen.push(element);
        yield element;
      }
      kept = seen;
    }, this.size);
  }

  /** Reads up to `count` elements ahead, while the ones before them are worked on. */
  prefetch(count: number): Dataset<T> {
    expectCount('prefetch', count, 1);
    return this.#derive(async function* (elements) {
      const iterator = elements[Symbol.asyncIterator]();
      const ahead: Promise<IteratorResult<T>>[] = [];
      const ask = () => {
        const next = iterator.next();
        // A failure that nobody gets to, because the walk stops before, is not an unhandled one.
        next.catch(() => {});
        ahead.push(next);
      };
      try {
        while (ahead.length < count) ask();
        for (;;) {
          const result = await (ahead.shift() as Promise<IteratorResult<T>>);
          if (result.done) return;
          ask();
          yield result.value;
        }
      } finally {
        await iterator.return?.();
      }
    }, this.size);
  }

  /** Ends walks with an error of code ABORTED when the signal fires, even while a source waits. */
  abortable(signal: AbortSignal | undefined): Dataset<T> {
    if (signal === undefined) return this;
    return this.#derive(async function* (elements) {
      const iterator = elements[Symbol.asyncIterator]();
      let stop = () => {};
      const aborted = new Promise<'aborted'>((resolve) => {
        stop = () => resolve('aborted');
        signal.addEventListener('abort', stop, { once: true });
      });
      try {
        for (;;) {
          throwIfAborted(signal);
          const result = await Promise.race([iterator.next(), aborted]);
          if (result === 'aborted') continue;
          if (result.done) return;
          yield result.value;
        }
      } finally {
        signal.removeEventListener('abort', stop);
        // A source that hangs would hang its closing too: it is asked to close, not waited for.
        const closed = Promise.resolve(iterator.return?.());
        if (signal.aborted) closed.catch(() => {});
        else await closed;
      }
    }, this.size);
  }

  #derive<U>(
    walk: (elements: Dataset<T>) => AsyncGenerator<U, void, undefined>,
    size: number | undefined,
  ): Dataset<U> {
    return new Dataset(() => walk(this), size);
  }
}

/** Takes one of the waiting elements at random; `replacement` takes its place. */
function draw<T>(waiting: T[], random: Random, ...replacement: readonly T[]): T {
  const index = Math.floor(random() * waiting.length);
  const [drawn] = waiting.splice(index, 1, ...replacement);
  return drawn as T;
}

function expectCount(what: string, count: number, low: number): void {
  if (Number.isSafeInteger(count) && count >= low) return;
  throw new LinnetError('INVALID_ARGUMENT', `${what} was given ${count}`, {}, [
    `expected a whole number of at least ${low}`,
  ]);
}
