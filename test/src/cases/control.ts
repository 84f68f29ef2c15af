import type { Model, Subgraph } from '@linnet/schema';
import { modelOf, SubgraphAssembly } from './assemble.js';
import { bool, f32, i8, i32, type Operand, resource } from './operand.js';
import type { CaseFamily } from './spec.js';

/** A subgraph spelled out by a function that adds its nodes and returns its outputs. */
function subgraph(
  name: string,
  inputs: readonly Operand[],
  body: (assembly: SubgraphAssembly, ids: readonly number[]) => readonly number[],
): Subgraph {
  const assembly = new SubgraphAssembly(name, name);
  const ids = inputs.map((operand) => assembly.add(operand));
  return assembly.finish(body(assembly, ids));
}

/** Two branches: x + y and x * y. */
function branches(inputs: readonly Operand[]): Subgraph[] {
  return (['ADD', 'MUL'] as const).map((op) =>
    subgraph(op.toLowerCase(), inputs, (assembly, [x, y]) => assembly.node(op, [x!, y!], [f32()])),
  );
}

function conditional(): Model {
  const inputs = [f32(2, 3), f32(2, 3)];
  const main = subgraph('main', [bool(), ...inputs], (assembly, ids) =>
    assembly.node('IF', ids, [f32(2, 3)], { thenSubgraphIndex: 1, elseSubgraphIndex: 2 }),
  );
  return modelOf([main, ...branches(inputs)]);
}

/** Doubles x and counts until the count reaches a limit. */
function loop(): Model {
  const inputs = [i32(), f32(3)];
  const main = subgraph('main', inputs, (assembly, ids) =>
    assembly.node('WHILE', ids, inputs, { condSubgraphIndex: 1, bodySubgraphIndex: 2 }),
  );
  const condition = subgraph('condition', inputs, (assembly, [count]) =>
    assembly.node('LESS', [count!, assembly.add(i32().of(5).constant())], [bool()]),
  );
  const body = subgraph('body', inputs, (assembly, [count, x]) => [
    ...assembly.node('ADD', [count!, assembly.add(i32().of(1).constant())], [i32()]),
    ...assembly.node('ADD', [x!, x!], [f32()]),
  ]);
  return modelOf([main, condition, body]);
}

/** Adds x to a variable that starts as ones, and gives the sum. */
function accumulator(): Model {
  const named = { container: '', sharedName: 'total' };
  const main = subgraph('main', [f32(3)], (assembly, [x]) => {
    assembly.node('CALL_ONCE', [], [], { initSubgraphIndex: 1 });
    const [handle] = assembly.node('VAR_HANDLE', [], [resource()], named);
    const [before] = assembly.node('READ_VARIABLE', [handle!], [f32(3)]);
    const [after] = assembly.node('ADD', [before!, x!], [f32(3)]);
    assembly.node('ASSIGN_VARIABLE', [handle!, after!], []);
    return [after!];
  });
  const initialize = subgraph('initialize', [], (assembly) => {
    const [handle] = assembly.node('VAR_HANDLE', [], [resource()], named);
    assembly.node('ASSIGN_VARIABLE', [handle!, assembly.add(f32(3).of(1, 1, 1).constant())], []);
    return [];
  });
  return modelOf([main, initialize]);
}

function composite(): Model {
  const inputs = [f32(2, 3), f32(2, 3)];
  const main = subgraph('main', inputs, (assembly, ids) =>
    assembly.node('STABLEHLO_COMPOSITE', ids, [f32(2, 3)], {
      name: 'linnet.sum_of_squares',
      decompositionSubgraphIndex: 1,
    }),
  );
  const decomposition = subgraph('decomposition', inputs, (assembly, [x, y]) => {
    const [squared] = assembly.node('SQUARE', [x!], [f32()]);
    return assembly.node('ADD', [squared!, y!], [f32()]);
  });
  return modelOf([main, decomposition]);
}

/** A 3x4 matrix of which the rows 0 and 2 have elements, in CSR form. */
function sparse(make: (...shape: number[]) => Operand, stored: Uint8Array): Model {
  const assembly = new SubgraphAssembly('main', 'sparse');
  const sparsity = {
    traversalOrder: [0, 1],
    blockMap: [],
    dims: [
      { format: 'dense', size: 3 },
      { format: 'sparse-csr', segments: [0, 2, 2, 3], indices: [1, 3, 0] },
    ],
  } as const;
  const id = assembly.add(make(3, 4).constant(), { sparsity, data: stored });
  return modelOf([assembly.finish(assembly.node('DENSIFY', [id], [make(3, 4)]))]);
}

const accumulated = {
  name: 'sum kept between runs',
  inputs: [f32(3)],
  outputs: [f32(3)],
  runs: 3,
  model: accumulator,
};

export const CONTROL_CASES: CaseFamily<
  | 'IF'
  | 'WHILE'
  | 'CALL_ONCE'
  | 'VAR_HANDLE'
  | 'READ_VARIABLE'
  | 'ASSIGN_VARIABLE'
  | 'STABLEHLO_COMPOSITE'
  | 'DENSIFY'
> = {
  IF: [
    {
      name: 'then',
      inputs: [bool().of(1), f32(2, 3), f32(2, 3)],
      outputs: [f32()],
      model: conditional,
    },
    {
      name: 'else',
      inputs: [bool().of(0), f32(2, 3), f32(2, 3)],
      outputs: [f32()],
      model: conditional,
    },
  ],
  WHILE: [
    { name: 'counts to five', inputs: [i32().of(0), f32(3)], outputs: [i32(), f32()], model: loop },
    { name: 'never enters', inputs: [i32().of(9), f32(3)], outputs: [i32(), f32()], model: loop },
  ],
  CALL_ONCE: [accumulated],
  VAR_HANDLE: [accumulated],
  READ_VARIABLE: [accumulated],
  ASSIGN_VARIABLE: [accumulated],
  STABLEHLO_COMPOSITE: [
    { name: 'decomposed', inputs: [f32(2, 3), f32(2, 3)], outputs: [f32()], model: composite },
  ],
  DENSIFY: [
    {
      name: 'float32',
      inputs: [],
      outputs: [f32()],
      model: () => sparse(f32, new Uint8Array(Float32Array.of(1.5, -2, 3).buffer)),
      expected: [[0, 1.5, 0, -2, 0, 0, 0, 0, 3, 0, 0, 0]],
      notStock: 'stock TFLite leaves graphs without inputs to its own constant folding',
    },
    {
      name: 'int8',
      inputs: [],
      outputs: [i8()],
      model: () => sparse((...shape) => i8(...shape).scaled(0.1), Uint8Array.of(5, 250, 7)),
      expected: [[0, 5, 0, -6, 0, 0, 0, 0, 7, 0, 0, 0]],
      notStock: 'stock TFLite leaves graphs without inputs to its own constant folding',
    },
  ],
};
