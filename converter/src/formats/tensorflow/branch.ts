import type { FlatGraph } from './flatten.js';
import { inputNode, type TfNode, type TfRef } from './node.js';
import { variableOf } from './variables.js';

/** The body of a function that a conditional or a loop refers to, on parameters of its own. */
export interface Branch {
  readonly name: string;
  /** Stand for the arguments that are tensors, in order. */
  readonly parameters: readonly TfNode[];
  readonly outputs: readonly TfRef[];
  readonly effects: readonly TfNode[];
}

/** Attributes that name the functions of control flow that stays in the graph, by op. */
export const BRANCHES: Readonly<Record<string, readonly string[]>> = {
  If: ['then_branch', 'else_branch'],
  StatelessIf: ['then_branch', 'else_branch'],
  While: ['cond', 'body'],
  StatelessWhile: ['cond', 'body'],
};

/** The arguments of a branch among the inputs of its node: a conditional's first is the predicate. */
export function branchArguments(node: TfNode): readonly TfRef[] {
  return BRANCHES[node.op]?.includes('cond') ? node.inputs : node.inputs.slice(1);
}

/** Expands the function that an attribute of a node names. */
export function branch(
  flat: FlatGraph,
  node: TfNode,
  attr: string,
  args: readonly TfRef[],
): Branch {
  const name = `${node.name}/${attr}`;
  const parameters: TfNode[] = [];
  const bound = args.map((ref, index) => {
    const variable = variableOf(ref);
    if (variable !== undefined) return { node: variable, index: 0 };
    const parameter = inputNode(`${name}/${index}`);
    parameters.push(parameter);
    return { node: parameter, index: 0 };
  });
  return { name, parameters, ...flat.call(node.attrs.function(attr), name, bound) };
}
