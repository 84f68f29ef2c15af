import type { OpName } from '@linnet/schema';
import type { Graph, Node } from '../graph/graph.js';
import type { Patch } from '../graph/patch.js';

/** A rewrite of a small pattern, which the driver applies wherever it fits. */
export interface Rule {
  readonly name: string;
  /** What it does in one line, as a rewrite: `x*1 -> x`. */
  readonly rewrite: string;
  /** The ops of the pattern's last node, where a match starts. */
  readonly roots: readonly OpName[];
  /** The rewrite computes in another order or with merged constants: equal but for rounding. */
  readonly rounds: boolean;
  /** A patch when the pattern fits at `node`, which is one of `roots`; null otherwise. */
  apply(graph: Graph, node: Node): Patch | null;
}

/** Rules that run together until none of them fits anywhere. */
export interface Phase {
  readonly name: string;
  readonly rules: readonly Rule[];
}

interface TypedRule<N extends OpName> {
  readonly name: string;
  readonly rewrite: string;
  readonly roots: readonly N[];
  readonly rounds?: true;
  apply(graph: Graph, node: Node<N>): Patch | null;
}

/** Gives a rule's `apply` the type of its roots. */
export function defineRule<N extends OpName>(rule: TypedRule<N>): Rule {
  return {
    ...rule,
    rounds: rule.rounds ?? false,
    apply: (graph, node) => rule.apply(graph, node as Node<N>),
  };
}
