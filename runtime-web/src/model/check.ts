import {
  type ErrorLocation,
  LinnetError,
  type Model,
  type OpRecords,
  recordOf,
  type Subgraph,
} from '@linnet/schema';
import type { ControlFlow } from './control.js';

/** How a subgraph is named in messages. */
export function subgraphName(subgraph: Subgraph, index: number): string {
  return subgraph.name === '' ? `#${index}` : subgraph.name;
}

export function tensorName(subgraph: Subgraph, tensor: number): string {
  return subgraph.tensors[tensor]?.name || `#${tensor}`;
}

/**
 * Refuses a model with ops outside the vocabulary.
 *
 * @throws LinnetError of code UNSUPPORTED that lists each such op once, with its nodes
 */
export function checkVocabulary(model: Model): void {
  const found = new Map<string, string[]>();
  model.subgraphs.forEach((subgraph, index) => {
    subgraph.operators.forEach((node, position) => {
      if (node.op !== null) return;
      const kind = node.builtinCode === null ? 'custom op' : 'builtin';
      const label = `${node.foreignName} (${kind})`;
      const nodes = found.get(label) ?? [];
      nodes.push(index === 0 ? `#${position}` : `${subgraphName(subgraph, index)}#${position}`);
      found.set(label, nodes);
    });
  });
  if (found.size === 0) return;
  throw new LinnetError(
    'UNSUPPORTED',
    `The model uses ${found.size === 1 ? 'an op' : `${found.size} ops`} that the runtime does not have.`,
    {},
    [
      ...[...found].map(([label, nodes]) => `${label}: ${nodes.length} × (${shortList(nodes)})`),
      'Convert the model from its original format with Linnet, or express these ops by TFLite builtins.',
    ],
  );
}

function shortList(items: readonly string[]): string {
  const shown = items.slice(0, 5).join(', ');
  return items.length > 5 ? `${shown}, …` : shown;
}

/**
 * Refuses a subgraph whose nodes cannot run in the order in which they stand: each reads only what
 * is there by then and writes what nobody else writes, with as many tensors as its op takes.
 *
 * @throws LinnetError of code INVALID_MODEL
 */
export function checkOrder(
  model: Model,
  subgraph: Subgraph,
  index: number,
  records: OpRecords,
  control: ControlFlow | null,
): void {
  const graph = subgraphName(subgraph, index);
  const fail = (message: string, where: ErrorLocation): never => {
    throw new LinnetError('INVALID_MODEL', message, { subgraph: graph, ...where });
  };
  const writers = new Map<number, number>();
  subgraph.operators.forEach((node, position) => {
    for (const output of node.outputs) if (!writers.has(output)) writers.set(output, position);
  });
  const isConstant = (tensor: number) => {
    const found = subgraph.tensors[tensor];
    return found?.data != null || (found?.shape.includes(0) === true && !writers.has(tensor));
  };
  const available = new Set(subgraph.inputs);
  subgraph.operators.forEach((node, position) => {
    if (node.op === null) return;
    const where = { node: `#${position}`, op: node.op };
    const record = recordOf(records, node.op);
    checkCount(node.inputs.length, record.inputs, 'inputs', (text) => fail(text, where));
    checkCount(node.outputs.length, record.outputs, 'outputs', (text) => fail(text, where));
    for (const input of node.inputs) {
      const present =
        input < 0 ||
        available.has(input) ||
        isConstant(input) ||
        subgraph.tensors[input]?.isVariable === true;
      if (present) continue;
      const writer = writers.get(input);
      const reason =
        writer === undefined
          ? 'nothing writes it, and it is neither an input of the graph nor a constant'
          : `node #${writer} writes it, which does not come before`;
      fail(`The node reads a tensor too early: ${reason}.`, {
        ...where,
        tensor: tensorName(subgraph, input),
      });
    }
    for (const output of node.outputs) {
      const taken = available.has(output) || isConstant(output);
      if (taken) {
        fail('The node writes a tensor that is a constant, an input, or written by another node.', {
          ...where,
          tensor: tensorName(subgraph, output),
        });
      }
      available.add(output);
    }
    control?.checkCallees(model, node, (text) => fail(text, where));
  });
  for (const output of subgraph.outputs) {
    const present =
      available.has(output) || isConstant(output) || subgraph.tensors[output]?.isVariable;
    if (!present) {
      fail('Nothing writes an output of the graph.', { tensor: tensorName(subgraph, output) });
    }
  }
}

function checkCount(
  count: number,
  [min, max]: readonly [number, number],
  what: string,
  fail: (message: string) => void,
): void {
  if (count >= min && count <= max) return;
  const expected =
    min === max ? `${min}` : max === Infinity ? `at least ${min}` : `${min} to ${max}`;
  fail(`The node has ${count} ${what}; its op takes ${expected}.`);
}
