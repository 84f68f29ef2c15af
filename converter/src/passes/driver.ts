import { invariant, LinnetError, type OpName } from '@linnet/schema';
import { throwIfAborted } from '../abort.js';
import { applyPatch, type Change, removeDeadCode } from '../graph/apply.js';
import { checkGraph } from '../graph/check.js';
import type { Graph, Node, NodeId, Tensor } from '../graph/graph.js';
import type { Patch } from '../graph/patch.js';
import { macs } from './cost.js';
import type { Phase, Rule } from './rule.js';
import { graphState } from './state.js';

export interface DriverOptions {
  /** Checks the whole graph after every patch, not only at the end. */
  readonly checkEveryPatch?: boolean;
  /** Stops after this many applications: the last one that a bisection names is at fault. */
  readonly stopAfter?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called after each phase with the number of phases done. */
  readonly onPhase?: (name: string, done: number, total: number) => void;
}

/** How often a rule fired and what it saved; negative numbers were spent. */
export interface RuleRecord {
  readonly rule: string;
  readonly rewrite: string;
  /** Results may differ by rounding. */
  readonly rounds: boolean;
  readonly applications: number;
  readonly nodes: number;
  /** Bytes of constants. */
  readonly bytes: number;
  readonly macs: number;
}

/** What all rules together did, in the order in which they first fired. */
export class RewriteLog {
  readonly #records = new Map<string, RuleRecord>();
  /** The last rule that was applied, for bisection. */
  last: string | null = null;
  applications = 0;

  get records(): readonly RuleRecord[] {
    return [...this.#records.values()];
  }

  add(rule: Pick<Rule, 'name' | 'rewrite' | 'rounds'>, saved: Savings): void {
    const old = this.#records.get(rule.name);
    this.applications++;
    this.last = rule.name;
    this.#records.set(rule.name, {
      rule: rule.name,
      rewrite: rule.rewrite,
      rounds: rule.rounds,
      applications: (old?.applications ?? 0) + 1,
      nodes: (old?.nodes ?? 0) + saved.nodes,
      bytes: (old?.bytes ?? 0) + saved.bytes,
      macs: (old?.macs ?? 0) + saved.macs,
    });
  }
}

const DEAD_CODE = {
  name: 'remove-dead-code',
  rewrite: 'x, unread -> nothing',
  rounds: false,
};

/** Applications per node after which a phase counts as endless, though no state came back. */
const FUEL_PER_NODE = 64;

/**
 * Applies the rules of each phase, in order, until none fits any more.
 *
 * @throws LinnetError INTERNAL when rules undo each other, or a rule breaks the graph; the message
 *   names the rules. ABORTED when the signal fires.
 */
export function rewrite(
  graph: Graph,
  phases: readonly Phase[],
  log: RewriteLog,
  options: DriverOptions = {},
): void {
  const dead = removeDeadCode(graph);
  if (dead.removed.length > 0) log.add(DEAD_CODE, savings(dead, 0));
  phases.forEach((phase, index) => {
    new PhaseRun(graph, phase, log, options).toFixpoint();
    options.onPhase?.(phase.name, index + 1, phases.length);
  });
  checkGraph(graph);
}

class PhaseRun {
  readonly #rules: ReadonlyMap<OpName, readonly Rule[]>;
  /** Of every node that was ever here, to tell what its removal saves. */
  readonly #macs = new Map<NodeId, number>();
  #fuel: number;

  constructor(
    readonly graph: Graph,
    readonly phase: Phase,
    readonly log: RewriteLog,
    readonly options: DriverOptions,
  ) {
    const rules = new Map<OpName, Rule[]>();
    for (const rule of phase.rules) {
      for (const op of rule.roots) rules.set(op, [...(rules.get(op) ?? []), rule]);
    }
    this.#rules = rules;
    for (const node of graph.nodes) this.#macs.set(node.id, macs(graph, node));
    this.#fuel = FUEL_PER_NODE * (graph.nodes.size + 16);
  }

  toFixpoint(): void {
    const seen = new Set<string>();
    for (;;) {
      const fired = this.#sweep();
      if (fired.size === 0) return;
      const state = graphState(this.graph);
      if (seen.has(state)) throw this.#endless(fired, 'they undo each other');
      seen.add(state);
    }
  }

  /** Visits every node once, in order; answers the names of the rules that fired. */
  #sweep(): Set<string> {
    const fired = new Set<string>();
    for (const { id } of [...this.graph.nodes]) {
      throwIfAborted(this.options.signal);
      let rule = this.#applyFirst(id);
      while (rule !== null) {
        fired.add(rule.name);
        if (this.#fuel-- <= 0) throw this.#endless(fired, 'they never come to an end');
        rule = this.#applyFirst(id);
      }
    }
    return fired;
  }

  /** Applies the first rule that fits at the node, if the node is still there. */
  #applyFirst(id: NodeId): Rule | null {
    const node = this.graph.nodes.get(id);
    if (node === undefined || this.log.applications >= (this.options.stopAfter ?? Infinity)) {
      return null;
    }
    for (const rule of this.#rules.get(node.op) ?? []) {
      const patch = this.#match(rule, node);
      if (patch === null) continue;
      this.#apply(rule, node, patch);
      return rule;
    }
    return null;
  }

  #match(rule: Rule, node: Node): Patch | null {
    try {
      return rule.apply(this.graph, node);
    } catch (error) {
      throw this.#blame(rule, node, error);
    }
  }

  #apply(rule: Rule, node: Node, patch: Patch): void {
    try {
      const change = applyPatch(this.graph, patch);
      invariant(
        change.removed.length > 0 || patch.replacements.size > 0,
        'the patch replaces nothing',
      );
      if (this.options.checkEveryPatch) checkGraph(this.graph);
      this.log.add(rule, this.#savings(change));
    } catch (error) {
      throw this.#blame(rule, node, error);
    }
  }

  #savings(change: Change): Savings {
    let saved = 0;
    for (const { id } of change.removed) saved += this.#macs.get(id) ?? 0;
    for (const node of change.added) {
      const cost = macs(this.graph, node);
      this.#macs.set(node.id, cost);
      saved -= cost;
    }
    return savings(change, saved);
  }

  #blame(rule: Rule, node: Node, error: unknown): unknown {
    if (!(error instanceof LinnetError)) return error;
    return new LinnetError(
      'INTERNAL',
      `rule ${rule.name} (${rule.rewrite}) failed: ${error.message}`,
      { ...error.where, node: node.name, op: node.op },
      error.notes,
      { cause: error },
    );
  }

  #endless(fired: ReadonlySet<string>, how: string): LinnetError {
    return new LinnetError(
      'INTERNAL',
      `the rules of phase ${this.phase.name} do not settle: ${how}`,
      { subgraph: this.graph.name },
      [
        `rules that fired last: ${[...fired].join(', ')}`,
        'This is a defect in Linnet; please report it.',
      ],
    );
  }
}

type Savings = Pick<RuleRecord, 'nodes' | 'bytes' | 'macs'>;

function savings(change: Change, macsSaved: number): Savings {
  const bytes = (constants: readonly Tensor[]) =>
    constants.reduce((sum, { data }) => sum + (data?.byteLength ?? 0), 0);
  return {
    nodes: change.removed.length - change.added.length,
    bytes: bytes(change.constantsRemoved) - bytes(change.constantsAdded),
    macs: macsSaved,
  };
}
