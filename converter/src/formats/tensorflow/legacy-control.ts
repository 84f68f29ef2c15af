/**
 * Conditionals of TensorFlow 1: Switch sends a value to one of two outputs, the other one is dead,
 * and so is everything computed from it; Merge passes on the input that is alive. Where the
 * predicate is known while converting (a learning phase, say), nothing of that has to remain.
 */
import { parseInput } from './input-name.js';
import { knownPredicate } from './predicate.js';
import type { NodeDef } from './proto/messages.js';

type Nodes = ReadonlyMap<string, NodeDef>;

/** The inputs that stand for decided Switch and Merge nodes, by the name of the node. */
export function decidedConditionals(nodes: Nodes): ReadonlyMap<string, string> {
  const decided = new Map<string, string>();
  const predicates = switchPredicates(nodes);
  if (predicates.size === 0) return decided;
  for (const name of predicates.keys()) decided.set(name, nodes.get(name)!.input[0]!);
  const liveness = new Liveness(nodes, predicates);
  for (const { name, op, input } of nodes.values()) {
    if (op !== 'Merge') continue;
    const data = input.filter((edge) => !edge.startsWith('^'));
    const alive = data.filter((edge) => !liveness.isDead(edge));
    if (alive.length === 1) decided.set(name, alive[0]!);
  }
  return decided;
}

/** The predicates that are known, by the name of the Switch. */
function switchPredicates(nodes: Nodes): ReadonlyMap<string, boolean> {
  const predicates = new Map<string, boolean>();
  for (const { name, op, input } of nodes.values()) {
    if (op !== 'Switch' || input.length < 2) continue;
    const predicate = knownPredicate(parseInput(input[1]!).name, (at) => {
      const node = nodes.get(at);
      const next = node?.input[0];
      return {
        // Where a Switch passes its value on at all, it passes it on unchanged.
        op: node?.op === 'Switch' ? 'Identity' : node?.op,
        tensor: node?.attr.get('value')?.tensor,
        input: next === undefined ? undefined : parseInput(next).name,
      };
    });
    if (predicate !== undefined) predicates.set(name, predicate);
  }
  return predicates;
}

/** Tells what is never computed. Cycles, which are loops, count as alive. */
class Liveness {
  private readonly dead = new Map<string, boolean>();

  constructor(
    private readonly nodes: Nodes,
    private readonly predicates: ReadonlyMap<string, boolean>,
  ) {}

  isDead(edge: string): boolean {
    this.visit(parseInput(edge).name);
    return this.edgeIsDead(edge);
  }

  /** Depth first without recursion: graphs may be deeper than the stack. */
  private visit(root: string): void {
    const stack = [root];
    const open = new Set<string>();
    for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
      const node = this.nodes.get(name);
      const isNew = !this.dead.has(name) && !open.has(name);
      if (isNew && node !== undefined) {
        open.add(name);
        stack.push(...node.input.map((edge) => parseInput(edge).name));
        continue;
      }
      stack.pop();
      if (!this.dead.has(name)) this.dead.set(name, node !== undefined && this.nodeIsDead(node));
    }
  }

  private nodeIsDead({ op, input }: NodeDef): boolean {
    const edges = op === 'Merge' ? input.filter((edge) => !edge.startsWith('^')) : input;
    const isDead = (edge: string) => this.edgeIsDead(edge);
    return op === 'Merge' ? edges.every(isDead) : edges.some(isDead);
  }

  private edgeIsDead(edge: string): boolean {
    const { name, output, index } = parseInput(edge);
    if (this.dead.get(name) === true) return true;
    const predicate = this.predicates.get(name);
    if (predicate === undefined || edge.startsWith('^')) return false;
    const taken = output === null ? index === 1 : output === 'output_true';
    return taken !== predicate;
  }
}
