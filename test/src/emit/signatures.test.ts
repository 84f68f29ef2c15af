/** Entry points of TFLite files: choosing among them, and the graphs that they call. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { convert } from '@linnet/converter';
import { completeOptions, type Model, type OpName, read, type Subgraph } from '@linnet/schema';
import { write } from '@linnet/schema/write';
import { openReference } from '../support/runs.js';

const float = (name: string) =>
  ({ name, dtype: 'float32', shape: [2], data: null, isVariable: false }) as const;

const unary = (op: OpName): Subgraph => ({
  name: op,
  tensors: [float('x'), float('y')],
  operators: [{ op, options: {}, inputs: [0], outputs: [1], version: 1 } as never],
  inputs: [0],
  outputs: [1],
});

const choice: Subgraph = {
  name: 'choice',
  tensors: [{ ...float('condition'), dtype: 'bool', shape: [] }, float('x'), float('y')],
  operators: [
    {
      op: 'IF',
      options: completeOptions('IF', { thenSubgraphIndex: 2, elseSubgraphIndex: 3 }),
      inputs: [0, 1],
      outputs: [2],
      version: 1,
    },
  ],
  inputs: [0, 1],
  outputs: [2],
};

const named = (name: string, tensor: number) => ({ name, tensor });

const MODEL: Model = {
  description: '',
  subgraphs: [unary('EXP'), choice, unary('ABS'), unary('NEG')],
  signatures: [
    { key: 'grow', subgraph: 0, inputs: [named('in', 0)], outputs: [named('out', 1)] },
    {
      key: 'choose',
      subgraph: 1,
      inputs: [named('value', 1), named('condition', 0)],
      outputs: [named('out', 2)],
    },
  ],
  metadata: [],
};

suite('signatures', () => {
  test('are all kept, with the graphs they call', async () => {
    const model = read((await convert(write(MODEL))).bytes);
    assert.deepEqual(
      model.signatures.map(({ key }) => key),
      ['grow', 'choose'],
    );
    assert.deepEqual(
      model.subgraphs.map(({ name }) => name),
      ['EXP', 'choice', 'ABS', 'NEG'],
    );
  });

  test('leave out graphs that the chosen ones do not call', async () => {
    const { bytes } = await convert(write(MODEL), { signatures: ['choose'] });
    assert.deepEqual(
      read(bytes).subgraphs.map(({ name }) => name),
      ['choice', 'ABS', 'NEG'],
    );
    const x = { dtype: 'float32', shape: [2], data: Float32Array.of(1, -2) };
    const run = async (truth: number) => {
      const condition = { dtype: 'bool', shape: [], data: Uint8Array.of(truth) };
      const { out } = await openReference(bytes).run({ value: x, condition }, 'choose');
      return Array.from(out!.data, Number);
    };
    assert.deepEqual(await run(1), [1, 2]);
    assert.deepEqual(await run(0), [-1, 2]);
  });
});
