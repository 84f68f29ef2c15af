/** Models and inputs that the reference refuses, and with which kind of error. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, LinnetError, type Model, type OpName } from '@linnet/schema';
import type { ArrayValue } from '../../converter/dist/entry-point.js';
import { ReferenceModel } from '../../converter/dist/reference/model.js';
import { modelOf, SubgraphAssembly } from './cases/assemble.js';
import { f32, ints, type Operand, resource } from './cases/operand.js';

function oneNode(
  op: OpName,
  inputs: readonly Operand[],
  output: Operand,
  options: object = {},
): Model {
  const graph = new SubgraphAssembly('main', op);
  const ids = inputs.map((operand) => graph.add(operand));
  return modelOf([graph.finish(graph.node(op, ids, [output], options))]);
}

function refuses(model: Model, inputs: readonly ArrayValue[], code: ErrorCode, text: RegExp) {
  assert.throws(
    () => new ReferenceModel(model).run(inputs),
    (error) => error instanceof LinnetError && error.code === code && text.test(error.format()),
  );
}

const vector = (...values: number[]): ArrayValue => ({
  dtype: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const indices = (...values: number[]): ArrayValue => ({
  dtype: 'int32',
  shape: [values.length],
  data: Int32Array.from(values),
});

describe('the reference refuses', () => {
  it('inputs that do not fit the signature', () => {
    const model = oneNode('ABS', [f32(3)], f32());
    refuses(model, [], 'INVALID_ARGUMENT', /takes 1 inputs, not 0/);
    refuses(model, [vector(1, 2)], 'INVALID_ARGUMENT', /takes float32\[3\]/);
    refuses(model, [indices(1, 2, 3)], 'INVALID_ARGUMENT', /given int32\[3\]/);
  });

  it('ops outside the vocabulary, all at once', () => {
    const model = oneNode('ABS', [f32(3)], f32());
    const [main] = model.subgraphs;
    const foreign = ['MyOp', 'MyOp', 'Other'].map((foreignName) => ({
      op: null,
      foreignName,
      builtinCode: null,
      customOptions: new Uint8Array(),
      inputs: [0],
      outputs: [1],
      version: 1,
    }));
    const refused = { ...model, subgraphs: [{ ...main!, operators: foreign }] };
    refuses(refused, [vector(1, 2, 3)], 'UNSUPPORTED', /MyOp \(2 nodes\)\n {2}Other \(1 node\)/);
  });

  it('variables read before they are assigned', () => {
    const graph = new SubgraphAssembly('main', 'unassigned');
    const [handle] = graph.node('VAR_HANDLE', [], [resource()], { sharedName: 'total' });
    const model = modelOf([graph.finish(graph.node('READ_VARIABLE', [handle!], [f32(3)]))]);
    refuses(model, [], 'INVALID_ARGUMENT', /total is read before/);
  });

  it('subgraphs that call themselves without end', () => {
    const graph = new SubgraphAssembly('main', 'recursion');
    const x = graph.add(f32(3));
    const outputs = graph.node('STABLEHLO_COMPOSITE', [x], [f32(3)], {
      decompositionSubgraphIndex: 0,
    });
    refuses(modelOf([graph.finish(outputs)]), [vector(1, 2, 3)], 'INVALID_MODEL', /64 deep/);
  });

  it('outputs of absurd size', () => {
    const model = oneNode('FILL', [ints(2 ** 16, 2 ** 16), f32()], f32());
    const value: ArrayValue = { dtype: 'float32', shape: [], data: Float32Array.of(1) };
    refuses(model, [value], 'OUT_OF_MEMORY', /more elements than/);
  });
});
