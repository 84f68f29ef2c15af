import { LinnetError } from '@linnet/schema';
import type { TfNode, TfRef } from './node.js';

/** Ops that change a variable; what reads the variable after them sees the new value. */
const WRITES =
  /^(Assign|ResourceScatter|ResourceApply|ResourceSparseApply|ResourceStridedSliceAssign|StridedSliceAssign|Scatter(Add|Sub|Mul|Div|Min|Max|Update)$|(Sparse)?Apply[A-Z])/;

/** Whether an op changes a variable, so that it must run though nothing reads its result. */
export function writesVariable(op: string): boolean {
  return WRITES.test(op);
}

/**
 * The nodes that `outputs` and `effects` need, in an order that runs the inputs of a node, data
 * and control, before it. A node that is only awaited is left out, unless it writes a variable.
 *
 * @throws LinnetError UNSUPPORTED when the graph has a cycle
 */
export function topologicalOrder(
  outputs: readonly TfRef[],
  effects: readonly TfNode[] = [],
): readonly TfNode[] {
  const all = postorder([...outputs.map(({ node }) => node), ...effects]);
  const needed = new Set(outputs.map(({ node }) => node));
  for (const node of all) if (writesVariable(node.op)) needed.add(node);
  for (let i = all.length - 1; i >= 0; i--) {
    const node = all[i]!;
    if (needed.has(node)) for (const input of node.inputs) needed.add(input.node);
  }
  return all.filter((node) => needed.has(node));
}

/** Depth first without recursion: graphs may be deeper than the stack. */
function postorder(roots: readonly TfNode[]): readonly TfNode[] {
  const order: TfNode[] = [];
  const state = new Map<TfNode, 'open' | 'done'>();
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack.at(-1)!;
    const seen = state.get(node);
    if (seen !== undefined) {
      stack.pop();
      if (seen === 'open') {
        state.set(node, 'done');
        order.push(node);
      }
      continue;
    }
    state.set(node, 'open');
    for (const next of dependencies(node).reverse()) {
      const visited = state.get(next);
      if (visited === 'open') throw cycle(next);
      if (visited === undefined) stack.push(next);
    }
  }
  return order;
}

/** Control inputs come first, so that a variable is written before it is read. */
function dependencies(node: TfNode): TfNode[] {
  return [...node.controls, ...node.inputs.map((input) => input.node)];
}

function cycle(node: TfNode): LinnetError {
  return new LinnetError(
    'UNSUPPORTED',
    'the graph has a cycle: a loop made of Enter, Merge, Switch and NextIteration',
    { node: node.name, op: node.op },
    ['Save the model with TensorFlow 2 control flow (tf.compat.v1.enable_control_flow_v2()).'],
  );
}
