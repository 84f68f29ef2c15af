/** A set of channels that stay or go together. */
export type ClassId = number;

/** Disjoint sets of channels, and which of them have to stay. */
export class ChannelClasses {
  readonly #parents: number[] = [];
  readonly #stay = new Set<ClassId>();

  /** New channels, each for itself. */
  fresh(count: number): number[] {
    const first = this.#parents.length;
    const channels = Array.from({ length: count }, (_, i) => first + i);
    this.#parents.push(...channels);
    return channels;
  }

  /** The set that a channel is in. */
  find(channel: number): ClassId {
    let root = channel;
    while (this.#parents[root] !== root) root = this.#parents[root]!;
    for (let at = channel; at !== root; ) {
      const next = this.#parents[at]!;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }

  /** Ties channels to each other, one by one; what does not match in number has to stay. */
  join(a: readonly number[], b: readonly number[]): void {
    if (a.length !== b.length) {
      this.keep(a);
      this.keep(b);
      return;
    }
    a.forEach((channel, index) => {
      const [from, to] = [this.find(channel), this.find(b[index]!)];
      if (from === to) return;
      this.#parents[from] = to;
      if (this.#stay.delete(from)) this.#stay.add(to);
    });
  }

  /** Channels that have to stay. */
  keep(channels: readonly number[]): void {
    for (const channel of channels) this.#stay.add(this.find(channel));
  }

  stays(channel: number): boolean {
    return this.#stay.has(this.find(channel));
  }
}
