import type { Graph, Tensor } from '../../graph/graph.js';

/** Whether two graphs that were built in the same order compute the same, names apart. */
export function sameGraph(a: Graph, b: Graph): boolean {
  const left = contents(a);
  const right = contents(b);
  return (
    left.tensors.length === right.tensors.length &&
    left.nodes.length === right.nodes.length &&
    left.tensors.every((tensor, index) => sameTensor(tensor, right.tensors[index]!)) &&
    equal(left.nodes.map(withoutName), right.nodes.map(withoutName)) &&
    equal(left.ports, right.ports)
  );
}

function contents(graph: Graph) {
  return {
    tensors: [...graph.tensors.values()],
    nodes: [...graph.nodes.values()],
    ports: [graph.inputs, graph.outputs],
  };
}

function sameTensor(a: Tensor, b: Tensor): boolean {
  const { name: _a, data: aData, ...aType } = a;
  const { name: _b, data: bData, ...bType } = b;
  return equal(aType, bType) && sameBytes(aData, bData);
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === b || a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function withoutName({ name: _, ...rest }: { readonly name: string }): unknown {
  return rest;
}

/** Equal as plain data; typed arrays of quantization compare by content. */
function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
