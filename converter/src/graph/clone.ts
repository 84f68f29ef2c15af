import { Graph, type Program } from './graph.js';

/** A graph that can be changed without the other noticing; tensors and nodes keep their ids. */
export function cloneGraph(graph: Graph): Graph {
  const clone = new Graph(graph.name);
  for (const tensor of graph.tensors.values()) clone.setTensor(tensor);
  for (const node of graph.nodes) clone.addNode(node);
  clone.inputs = graph.inputs;
  clone.outputs = graph.outputs;
  return clone;
}

/** A program with other graphs in the places of its own, which are matched by position. */
export function withGraphs(program: Program, graphs: readonly Graph[]): Program {
  return {
    ...program,
    graphs,
    signatures: program.signatures.map((signature) => ({
      ...signature,
      graph: graphs[program.graphs.indexOf(signature.graph)]!,
    })),
  };
}

export function cloneProgram(program: Program): Program {
  return withGraphs(program, program.graphs.map(cloneGraph));
}
