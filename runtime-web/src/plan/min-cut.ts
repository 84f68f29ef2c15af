/** A network of capacities between numbered nodes, 0 its source and 1 its sink. */
export class Network {
  readonly #edges: { readonly to: number; left: number }[] = [];
  readonly #from: number[][] = [[], []];

  addNode(): number {
    return this.#from.push([]) - 1;
  }

  /** What `from` and `to` cost when the cut leaves `from` with the source and `to` with the sink. */
  addEdge(from: number, to: number, capacity: number): void {
    this.#from[from]?.push(this.#edges.push({ to, left: capacity }) - 1);
    this.#from[to]?.push(this.#edges.push({ to: from, left: 0 }) - 1);
  }

  /**
   * The nodes that a cheapest cut leaves with the sink; of several, the cut nearest to the sink. Edges of
   * no limit must not lead from the source to the sink.
   * Source: Edmonds and Karp, "Theoretical Improvements in Algorithmic Efficiency for Network Flow
   * Problems", 1972.
   */
  withSink(): ReadonlySet<number> {
    for (let way = this.#wayToSink(); way !== null; way = this.#wayToSink()) {
      const flow = Math.min(...way.map((edge) => this.#edge(edge).left));
      for (const edge of way) {
        this.#edge(edge).left -= flow;
        this.#edge(edge ^ 1).left += flow;
      }
    }
    const reaching = new Set([1]);
    for (const node of reaching) {
      for (const edge of this.#from[node] as number[]) {
        // The edge that leads here from the other end.
        if (this.#edge(edge ^ 1).left > 0) reaching.add(this.#edge(edge).to);
      }
    }
    return reaching;
  }

  /** The edges of a shortest way on which something is left. */
  #wayToSink(): readonly number[] | null {
    const cameBy = this.#search();
    if (!cameBy.has(1)) return null;
    const way: number[] = [];
    for (let node = 1; node !== 0; ) {
      const edge = cameBy.get(node) as number;
      way.push(edge);
      node = this.#edge(edge ^ 1).to;
    }
    return way;
  }

  /** The nodes that can be reached from the source, each with the edge of a shortest way to it. */
  #search(): ReadonlyMap<number, number> {
    const cameBy = new Map([[0, -1]]);
    for (const node of cameBy.keys()) {
      for (const edge of this.#from[node] as number[]) {
        const { to, left } = this.#edge(edge);
        if (left > 0 && !cameBy.has(to)) cameBy.set(to, edge);
      }
      if (cameBy.has(1)) break;
    }
    return cameBy;
  }

  /** An edge; the one beside it leads back. */
  #edge(edge: number): { readonly to: number; left: number } {
    return this.#edges[edge] as { readonly to: number; left: number };
  }
}
