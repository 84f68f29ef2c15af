import { type OpName, type OptionsOf, opRecord } from '@linnet/schema';
import type { Graph, Node, Program } from './graph.js';
import { makeNode } from './node.js';

type Caller = 'CALL_ONCE' | 'IF' | 'STABLEHLO_COMPOSITE' | 'WHILE';

/** The options that hold indices of a program's graphs. */
const CALLS: { readonly [N in Caller]: readonly (keyof OptionsOf<N>)[] } = {
  CALL_ONCE: ['initSubgraphIndex'],
  IF: ['thenSubgraphIndex', 'elseSubgraphIndex'],
  STABLEHLO_COMPOSITE: ['decompositionSubgraphIndex'],
  WHILE: ['condSubgraphIndex', 'bodySubgraphIndex'],
};

function isCaller(op: OpName): op is Caller {
  return op in CALLS;
}

/** The program without the graphs that no signature needs; those of signatures come first. */
export function pruneGraphs(program: Program): Program {
  const kept = new Set<Graph>(program.signatures.map(({ graph }) => graph));
  for (const graph of kept) {
    for (const node of graph.nodes) {
      const called = opRecord(node.op).subgraphs?.(node.options as never) ?? [];
      for (const index of called) kept.add(program.graphs[index]!);
    }
  }
  const graphs = [...kept];
  if (graphs.every((graph, index) => graph === program.graphs[index])) {
    return { ...program, graphs };
  }
  const moved = (index: number) => graphs.indexOf(program.graphs[index]!);
  for (const graph of graphs) {
    for (const node of graph.nodes) {
      if (isCaller(node.op)) graph.replaceNode(renumber(node, CALLS[node.op], moved));
    }
  }
  return { ...program, graphs };
}

function renumber(node: Node, keys: readonly string[], moved: (index: number) => number): Node {
  const options = { ...node.options } as Record<string, unknown>;
  for (const key of keys) options[key] = moved(options[key] as number);
  return { ...makeNode({ ...node, options: options as never }, node.id, node.outputs) };
}
