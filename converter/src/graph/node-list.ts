import type { Node, NodeId } from './graph.js';

interface Link {
  node: Node;
  /** Grows along the list; gaps are halved as nodes come in between. */
  order: number;
  previous: Link | null;
  next: Link | null;
}

/**
 * Nodes by id, kept in topological order: a doubly linked list, so that a patch inserts and removes
 * anywhere in constant time and an iteration goes on while the list changes behind and before it.
 */
export class NodeList implements Iterable<Node> {
  readonly #links = new Map<NodeId, Link>();
  #first: Link | null = null;
  #last: Link | null = null;

  get size(): number {
    return this.#links.size;
  }

  get(id: NodeId): Node | undefined {
    return this.#links.get(id)?.node;
  }

  has(id: NodeId): boolean {
    return this.#links.has(id);
  }

  /** The node after `id`, or the first one for null. */
  after(id: NodeId | null): Node | undefined {
    const link = id === null ? this.#first : this.#link(id).next;
    return link?.node;
  }

  *[Symbol.iterator](): IterableIterator<Node> {
    for (let link = this.#first; link !== null; link = link.next) yield link.node;
  }

  values(): IterableIterator<Node> {
    return this[Symbol.iterator]();
  }

  append(node: Node): void {
    const order = (this.#last?.order ?? 0) + 1;
    const link: Link = { node, order, previous: this.#last, next: null };
    if (this.#last === null) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
    this.#links.set(node.id, link);
  }

  insertBefore(id: NodeId, node: Node): void {
    const next = this.#link(id);
    const low = next.previous?.order ?? next.order - 2;
    const link: Link = { node, order: (low + next.order) / 2, previous: next.previous, next };
    if (next.previous === null) this.#first = link;
    else next.previous.next = link;
    next.previous = link;
    this.#links.set(node.id, link);
    if (link.order === low || link.order === next.order) this.#renumber();
  }

  /** Whether the first node comes before the second. */
  isBefore(first: NodeId, second: NodeId): boolean {
    return this.#link(first).order < this.#link(second).order;
  }

  /** Puts another node of the same id in the node's place. */
  replace(node: Node): void {
    this.#link(node.id).node = node;
  }

  delete(id: NodeId): void {
    const link = this.#link(id);
    if (link.previous === null) this.#first = link.next;
    else link.previous.next = link.next;
    if (link.next === null) this.#last = link.previous;
    else link.next.previous = link.previous;
    this.#links.delete(id);
  }

  #renumber(): void {
    let order = 0;
    for (let link = this.#first; link !== null; link = link.next) link.order = ++order;
  }

  #link(id: NodeId): Link {
    const link = this.#links.get(id);
    if (link === undefined) throw new RangeError(`no node ${id}`);
    return link;
  }
}
