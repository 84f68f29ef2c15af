import { LinnetError } from '@linnet/schema';
import { BRANCHES, branch, branchArguments } from './branch.js';
import type { FlatGraph } from './flatten.js';
import { INPUT_OP, type TfNode, type TfRef } from './node.js';
import { TF_OPS } from './ops/index.js';
import { UNSUPPORTED_REASONS } from './ops/unsupported.js';
import { topologicalOrder, writesVariable } from './order.js';
import { isVariable, variableOf } from './variables.js';

/** How many nodes of an op a message names. */
const NAMES_SHOWN = 3;

/**
 * Looks at everything that will be imported, including the bodies of control flow, before any of
 * it is: which variables are read and written, and which ops cannot be imported.
 */
export class Survey {
  /** Variables that are reached, by name. */
  readonly variables = new Map<string, TfNode>();
  readonly written = new Set<string>();
  private readonly unsupported = new Map<string, string[]>();

  visit(flat: FlatGraph, outputs: readonly TfRef[], effects: readonly TfNode[] = []): void {
    for (const node of topologicalOrder(outputs, effects)) {
      if (node.op === INPUT_OP) continue;
      if (isVariable(node)) this.variables.set(node.name, node);
      else if (!Object.hasOwn(TF_OPS, node.op)) this.note(node);
      const target = node.inputs[0] && variableOf(node.inputs[0]);
      if (writesVariable(node.op) && target !== undefined) this.written.add(target.name);
      for (const attr of BRANCHES[node.op] ?? []) {
        const body = branch(flat, node, attr, branchArguments(node));
        this.visit(flat, body.outputs, body.effects);
      }
    }
  }

  /** @throws LinnetError UNSUPPORTED that lists each op that cannot be imported, once. */
  check(): void {
    if (this.unsupported.size === 0) return;
    const ops = [...this.unsupported].sort(([a], [b]) => (a < b ? -1 : 1));
    const lines = ops.map(([op, names]) => {
      const shown = names.slice(0, NAMES_SHOWN).join(', ');
      const more = names.length > NAMES_SHOWN ? ', ...' : '';
      const reason = Object.hasOwn(UNSUPPORTED_REASONS, op) ? `: ${UNSUPPORTED_REASONS[op]}` : '';
      return `${op} (${names.length} ${names.length === 1 ? 'node' : 'nodes'}: ${shown}${more})${reason}`;
    });
    const names = ops.map(([op]) => op).join(', ');
    throw new LinnetError(
      'UNSUPPORTED',
      `the model uses ${ops.length} TensorFlow ${ops.length === 1 ? 'op' : 'ops'} that cannot be converted: ${names}`,
      {},
      [
        ...lines,
        'Rewrite the layers that use them with other ops, or pick a signature without them (--signature).',
      ],
    );
  }

  private note(node: TfNode): void {
    const names = this.unsupported.get(node.op);
    if (names === undefined) this.unsupported.set(node.op, [node.name]);
    else if (!names.includes(node.name)) names.push(node.name);
  }
}
