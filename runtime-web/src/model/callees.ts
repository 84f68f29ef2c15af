import type { Model, Subgraph } from '@linnet/schema';

/** Refuses a call whose tensors do not match the called subgraphs'. */
export function checkCallees(
  model: Model,
  node: Extract<Subgraph['operators'][number], { options: object }>,
  fail: (message: string) => void,
): void {
  const signatureOf = (callee: number) => {
    const graph = model.subgraphs[callee];
    return `${graph?.inputs.length} inputs and ${graph?.outputs.length} outputs`;
  };
  const expect = (callee: number, inputs: number, outputs: number, role: string) => {
    const graph = model.subgraphs[callee];
    if (graph?.inputs.length === inputs && graph.outputs.length === outputs) return;
    fail(
      `Its ${role}, subgraph ${callee}, has ${signatureOf(callee)}; ${inputs} and ${outputs} were expected.`,
    );
  };
  const inputs = node.inputs.length;
  const outputs = node.outputs.length;
  switch (node.op) {
    case 'IF':
      expect(node.options.thenSubgraphIndex, inputs - 1, outputs, 'branch');
      expect(node.options.elseSubgraphIndex, inputs - 1, outputs, 'branch');
      return;
    case 'WHILE':
      if (inputs !== outputs) fail(`The loop has ${inputs} inputs but ${outputs} outputs.`);
      expect(node.options.condSubgraphIndex, inputs, 1, 'condition');
      expect(node.options.bodySubgraphIndex, inputs, outputs, 'body');
      return;
    case 'CALL_ONCE':
      expect(
        node.options.initSubgraphIndex,
        0,
        model.subgraphs[node.options.initSubgraphIndex]?.outputs.length ?? 0,
        'initializer',
      );
      return;
    case 'STABLEHLO_COMPOSITE':
      expect(node.options.decompositionSubgraphIndex, inputs, outputs, 'decomposition');
      return;
    default:
  }
}
