import { throwIfAborted } from '../../abort.js';
import type { ClassId } from './classes.js';
import type { ChannelMap } from './map.js';
import type { ChannelReader } from './reader.js';

/**
 * Takes channels away, always those that cost the least for each weight that goes with them, until at
 * least `count` weights are gone or no channel can go.
 *
 * @param readers all layers, which are told of each class that goes
 * @returns the classes that went
 */
export function chooseChannels(
  map: ChannelMap,
  readers: readonly ChannelReader[],
  count: number,
  signal: AbortSignal | undefined,
): ReadonlySet<ClassId> {
  const candidates = new Candidates(map);
  const readersOf = new Map<ClassId, ChannelReader[]>();
  const touchedBy = new Map<ClassId, ChannelReader[]>();
  for (const reader of readers) {
    const reads = new Set(reader.reads);
    for (const id of reads) append(readersOf, id, reader);
    for (const id of new Set([...reads, ...reader.channels.rows])) append(touchedBy, id, reader);
  }
  const losses = new Map<ClassId, number>();
  const score = (id: ClassId) => {
    const own = readersOf.get(id) ?? [];
    losses.set(
      id,
      own.reduce((sum, reader) => sum + reader.loss(id), 0),
    );
  };
  for (const id of candidates.all) score(id);
  const gone = new Set<ClassId>();
  let left = count;
  while (left > 0) {
    throwIfAborted(signal);
    let best: { id: ClassId; cost: number; weights: number } | undefined;
    for (const id of candidates.all) {
      const weights = (touchedBy.get(id) ?? []).reduce((sum, one) => sum + one.weightsOf(id), 0);
      const cost = losses.get(id)! / weights;
      if (weights > 0 && (best === undefined || cost < best.cost)) best = { id, cost, weights };
    }
    if (best === undefined) break;
    const { id } = best;
    gone.add(id);
    candidates.remove(id);
    const touched = touchedBy.get(id)!;
    left -= best.weights;
    for (const reader of touched) reader.remove(id);
    const changed = new Set(touched.flatMap((reader) => [...reader.reads]));
    for (const other of changed) if (candidates.has(other)) score(other);
  }
  return gone;
}

/** Classes that may go: those of which no dimension would lose its last channel. */
class Candidates {
  readonly #all = new Set<ClassId>();
  /** By class, the dimensions that have channels of it, and how many. */
  readonly #uses = new Map<ClassId, { readonly dimension: Dimension; count: number }[]>();

  constructor({ classes, labelled }: ChannelMap) {
    for (const { channels } of labelled) {
      const counts = new Map<ClassId, number>();
      for (const channel of channels) {
        const id = classes.find(channel);
        if (!classes.stays(id)) this.#all.add(id);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      const dimension = { left: channels.length, classes: [...counts.keys()] };
      for (const [id, count] of counts) append(this.#uses, id, { dimension, count });
    }
    for (const id of this.#all) this.#reconsider(id);
  }

  get all(): Iterable<ClassId> {
    return this.#all;
  }

  has(id: ClassId): boolean {
    return this.#all.has(id);
  }

  remove(id: ClassId): void {
    this.#all.delete(id);
    for (const { dimension, count } of this.#uses.get(id) ?? []) {
      dimension.left -= count;
      for (const other of dimension.classes) if (this.has(other)) this.#reconsider(other);
    }
  }

  #reconsider(id: ClassId): void {
    const empties = this.#uses.get(id)!.some(({ dimension, count }) => dimension.left <= count);
    if (empties) this.#all.delete(id);
  }
}

interface Dimension {
  left: number;
  readonly classes: readonly ClassId[];
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
