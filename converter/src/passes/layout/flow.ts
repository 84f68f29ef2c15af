/** An edge of a flow network and the way back. */
interface Edge {
  readonly to: number;
  capacity: number;
  readonly reverse: number;
}

/**
 * Minimum cut between a source (0) and a sink (1) by Dinic's algorithm: the cheapest set of edges
 * whose removal separates the two, which is the proof that no cheaper labelling exists.
 */
export class FlowNetwork {
  readonly #edges: Edge[][] = [[], []];

  static readonly SOURCE = 0;
  static readonly SINK = 1;

  addVertex(): number {
    return this.#edges.push([]) - 1;
  }

  /** What it costs to leave `from` on the source's side and `to` on the sink's. */
  addEdge(from: number, to: number, capacity: number): void {
    const [forward, backward] = [this.#edges[from]!, this.#edges[to]!];
    forward.push({ to, capacity, reverse: backward.length });
    backward.push({ to: from, capacity: 0, reverse: forward.length - 1 });
  }

  /** The cost of the minimum cut, and for each vertex whether it lies on the source's side. */
  minimumCut(): { readonly cost: number; readonly sourceSide: readonly boolean[] } {
    let cost = 0;
    for (;;) {
      const levels = this.#levels();
      if (levels[FlowNetwork.SINK]! < 0) {
        return { cost, sourceSide: levels.map((level) => level >= 0) };
      }
      const next = new Array<number>(this.#edges.length).fill(0);
      for (;;) {
        const pushed = this.#push(levels, next);
        if (pushed === 0) break;
        cost += pushed;
      }
    }
  }

  #levels(): number[] {
    const levels = new Array<number>(this.#edges.length).fill(-1);
    levels[FlowNetwork.SOURCE] = 0;
    const queue: number[] = [FlowNetwork.SOURCE];
    for (const vertex of queue) {
      for (const { to, capacity } of this.#edges[vertex]!) {
        if (capacity <= 0 || levels[to]! >= 0) continue;
        levels[to] = levels[vertex]! + 1;
        queue.push(to);
      }
    }
    return levels;
  }

  /** Finds one augmenting path, without recursion, and pushes what it carries. */
  #push(levels: readonly number[], next: number[]): number {
    const path: Edge[] = [];
    let vertex = FlowNetwork.SOURCE;
    while (vertex !== FlowNetwork.SINK) {
      const edges = this.#edges[vertex]!;
      const edge = edges[next[vertex]!];
      if (edge === undefined) {
        const last = path.pop();
        if (last === undefined) return 0;
        vertex = this.#edges[last.to]![last.reverse]!.to;
        next[vertex]!++;
      } else if (edge.capacity > 0 && levels[edge.to] === levels[vertex]! + 1) {
        path.push(edge);
        vertex = edge.to;
      } else {
        next[vertex]!++;
      }
    }
    const amount = Math.min(...path.map((edge) => edge.capacity));
    for (const edge of path) {
      edge.capacity -= amount;
      this.#edges[edge.to]![edge.reverse]!.capacity += amount;
    }
    return amount;
  }
}
