import type { OpName } from '@linnet/schema';
import type { Graph, Node, NodeId, Program } from '../graph/graph.js';
import {
  type GraphPrecisions,
  modePrecision,
  PRECISIONS,
  type Precision,
  type QuantizeMode,
} from '../quantize/index.js';
import { badRecipe } from './fields.js';

/** Which nodes get a precision. */
export interface RecipeRule {
  /** A regular expression found in the node's name or in that of one of its outputs; any node by default. */
  readonly nodes?: string;
  /** Any op by default. */
  readonly op?: OpName;
  readonly precision: Precision;
}

/** How each node of a model is stored. */
export interface Recipe {
  /** For nodes without a rule; that of the mode by default. */
  readonly default?: Precision;
  /** The last one that fits a node counts. */
  readonly rules: readonly RecipeRule[];
}

/** The text of a recipe's file. */
export function formatRecipe(recipe: Recipe): string {
  return `${JSON.stringify(recipe, null, 2)}\n`;
}

/**
 * The precision of every node of a program.
 *
 * @param fallback for nodes that no rule fits, where the recipe says none
 * @throws LinnetError INVALID_ARGUMENT for a pattern that fits no node
 */
export function applyRecipe(
  { default: own, rules }: Recipe,
  program: Program,
  fallback: Precision,
): GraphPrecisions {
  const compiled = rules.map((rule) => ({ rule, pattern: new RegExp(rule.nodes ?? ''), uses: 0 }));
  const chosen = new Map<Graph, ReadonlyMap<NodeId, Precision>>();
  for (const graph of program.graphs) {
    const precisions = new Map<NodeId, Precision>();
    for (const node of graph.nodes) {
      let precision = own ?? fallback;
      for (const entry of compiled) {
        if (!matches(graph, node, entry.rule, entry.pattern)) continue;
        entry.uses++;
        precision = entry.rule.precision;
      }
      precisions.set(node.id, precision);
    }
    chosen.set(graph, precisions);
  }
  for (const [index, { rule, pattern, uses }] of compiled.entries()) {
    // A recipe may well name ops that a model has not.
    if (uses > 0 || pattern.test('')) continue;
    const op = rule.op === undefined ? '' : ` of op ${rule.op}`;
    throw badRecipe(
      `rule ${index + 1}: no node${op} has a name that fits ${rule.nodes}`,
      '`linnet inspect` shows the names; patterns are looked for anywhere in them.',
    );
  }
  return chosen;
}

function matches(graph: Graph, node: Node, { op }: RecipeRule, pattern: RegExp): boolean {
  if (op !== undefined && node.op !== op) return false;
  const names = [node.name, ...node.outputs.map((id) => graph.tensor(id).name)];
  return names.some((name) => pattern.test(name));
}

/** A recipe that gives some nodes other precisions than the rest, by their names. */
export function recipeOf(
  precision: Precision,
  nodes: readonly { readonly node: Node; readonly precision: Precision }[],
): Recipe {
  const others = nodes.filter((own) => own.precision !== precision);
  return {
    default: precision,
    rules: others.map(({ node: { name, op }, precision }) => ({
      nodes: `^${name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`,
      op,
      precision,
    })),
  };
}

/**
 * The mode in which the nodes of a recipe can be quantized together.
 *
 * @param given the mode that was asked for, if any
 * @throws LinnetError INVALID_ARGUMENT for int8 and int16 activations in one model
 */
export function recipeMode(
  { default: own, rules }: Recipe,
  given: QuantizeMode | undefined,
): QuantizeMode {
  const all = [
    ...(own ? [own] : given ? [modePrecision(given)] : []),
    ...rules.map((rule) => rule.precision),
  ];
  const types = new Set(all.map((precision) => PRECISIONS[precision].activations));
  types.delete('float32');
  const [type, other] = types;
  if (other !== undefined) {
    throw badRecipe('some nodes have int8, others int16 activations', 'Use one of them.');
  }
  const own8 = given === 'int8-strict' || given === 'int8x4' ? given : 'int8';
  return type === undefined ? (given ?? 'none') : type === 'int8' ? own8 : 'int16x8';
}
