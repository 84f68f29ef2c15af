/** SavedModels: signatures, tags, variables, assets, and what cannot be opened. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openModel } from '../../../converter/dist/formats/index.js';
import { bytesSource, filesSource } from '../../../converter/dist/formats/source.js';
import { FIXTURES } from '../support/paths.js';
import {
  constant,
  DT,
  type NodeSpec,
  type PortSpec,
  placeholder,
  type SavedModelSpec,
  savedModel,
  tensor,
} from './encode.js';
import { errorOf, openSavedModel, run } from './evaluate.js';
import { checkpoint } from './table.js';

const T = { T: { type: DT.float } };
const vector = (name: string): PortSpec => ({ tensor: `${name}:0`, dims: [2] });
const unary = (op: string, input: string): NodeSpec => ({ op, inputs: [input], attrs: T });

/** Two signatures over one placeholder; the second can be replaced. */
function model(second: NodeSpec = unary('Neg', 'x'), tags = ['serve']): SavedModelSpec {
  return {
    tags,
    graph: { nodes: { x: placeholder([2]), relu: unary('Relu', 'x'), other: second } },
    signatures: {
      other: { inputs: { x: vector('x') }, outputs: { y: vector('other') } },
      serving_default: { inputs: { x: vector('x') }, outputs: { y: vector('relu') } },
    },
  };
}

suite('signatures', () => {
  test('are all imported, the default one first', async () => {
    const opened = await openSavedModel([model()]);
    assert.deepEqual(
      opened.program.signatures.map(({ key }) => key),
      ['serving_default', 'other'],
    );
    const x = { shape: [2], data: [-1, 2] };
    assert.deepEqual(run(opened, { x }, 'serving_default').y?.data, [0, 2]);
    assert.deepEqual(run(opened, { x }, 'other').y?.data, [1, -2]);
  });

  test('can be picked, and unknown ones are refused with the known', async () => {
    const { program } = await openSavedModel([model()], { signatures: ['other'] });
    assert.deepEqual(
      program.signatures.map(({ key }) => key),
      ['other'],
    );
    const error = await errorOf(openSavedModel([model()], { signatures: ['classify'] }));
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.match(error.format(), /no signature classify[\s\S]*serving_default, other/);
  });

  test('beside the default one are left out with a note when they cannot be imported', async () => {
    const spec = model({ op: 'ParseExample', inputs: ['x'] });
    const { program, notes } = await openSavedModel([spec]);
    assert.equal(program.signatures.length, 1);
    assert.match(notes.join(), /signature other was left out: .*ParseExample/);
    const asked = await errorOf(openSavedModel([spec], { signatures: ['other'] }));
    assert.equal(asked.code, 'UNSUPPORTED');
    assert.equal(asked.where.subgraph, 'other');
  });

  test('of the same function share a graph', async () => {
    const { program } = await openSavedModel([model(unary('Relu', 'x'))]);
    assert.equal(program.signatures.length, 2);
    assert.equal(program.graphs.length, 1);
  });

  test('may feed a tensor in the middle of the graph', async () => {
    const opened = await openSavedModel([
      {
        graph: {
          nodes: {
            serialized: placeholder([-1], DT.string),
            parsed: { op: 'ParseExample', inputs: ['serialized'] },
            y: unary('Neg', 'parsed'),
          },
        },
        signatures: {
          serving_default: { inputs: { x: vector('parsed') }, outputs: { y: vector('y') } },
        },
      },
    ]);
    assert.deepEqual(run(opened, { x: { shape: [2], data: [1, 2] } }).y?.data, [-1, -2]);
  });

  test('return their outputs in the order of numbers in names', async () => {
    const names = Array.from({ length: 11 }, (_, i) => `output_${i}`);
    const { program } = await openSavedModel([
      {
        graph: { nodes: { x: placeholder([2]), y: unary('Neg', 'x') } },
        signatures: {
          serving_default: {
            inputs: { x: vector('x') },
            outputs: Object.fromEntries(names.toReversed().map((name) => [name, vector('y')])),
          },
        },
      },
    ]);
    assert.deepEqual(program.signatures[0]?.outputNames, names);
  });

  test('that TensorFlow keeps for itself do not count', async () => {
    const spec = model();
    const { serving_default: init } = spec.signatures;
    const error = await errorOf(
      openSavedModel([{ ...spec, signatures: { __saved_model_init_op: init! } }]),
    );
    assert.match(error.format(), /no signatures[\s\S]*model\.export/);
  });
});

suite('tags', () => {
  const train = model(unary('Exp', 'x'), ['train']);

  test('choose the graph', async () => {
    const both = [train, model()];
    const served = await openSavedModel(both);
    assert.deepEqual(
      [...served.program.graphs[1]!.nodes].map(({ op }) => op),
      ['NEG'],
    );
    const trained = await openSavedModel(both, { tags: ['train'] });
    assert.deepEqual(
      [...trained.program.graphs[1]!.nodes].map(({ op }) => op),
      ['EXP'],
    );
  });

  test('that no graph has are refused with those there are', async () => {
    const error = await errorOf(openSavedModel([train, model()], { tags: ['gpu'] }));
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.match(error.message, /\[gpu\]; it has \[train\] and \[serve\]/);
  });
});

suite('variables', () => {
  const names = (...values: string[]) =>
    constant(
      // A TensorProto of strings: dtype, shape [n], string_val.
      Uint8Array.from([
        ...tensor(DT.string, [values.length], new Uint8Array(0)).subarray(0, -2),
        ...values.flatMap((value) => [0x42, value.length, ...new TextEncoder().encode(value)]),
      ]),
    );
  const spec: SavedModelSpec = {
    graph: {
      nodes: {
        x: placeholder([2]),
        v: { op: 'VarHandleOp', attrs: { dtype: { type: DT.float }, shape: { shape: [2] } } },
        read: { op: 'ReadVariableOp', inputs: ['v'] },
        y: { op: 'AddV2', inputs: ['x', 'read'], attrs: T },
        count: { op: 'AssignAddVariableOp', inputs: ['v', 'x'] },
        counted: { op: 'ReadVariableOp', inputs: ['v', '^count'] },
        file: names('checkpoint'),
        keys: names('weights'),
        slices: names(''),
        tensors: { op: 'RestoreV2', inputs: ['file', 'keys', 'slices'] },
        assign: { op: 'AssignVariableOp', inputs: ['v', 'tensors'] },
        restore: { op: 'NoOp', inputs: ['^assign'] },
      },
    },
    restoreOp: 'restore',
    signatures: {
      serving_default: { inputs: { x: vector('x') }, outputs: { y: vector('y') } },
    },
  };
  const counting: SavedModelSpec = {
    ...spec,
    signatures: {
      add: { inputs: { x: vector('x') }, outputs: { total: vector('counted') } },
      get: { inputs: {}, outputs: { total: vector('read') } },
    },
  };
  const files = checkpoint({ weights: [10, 20] });
  test('that nothing writes become constants', async () => {
    const opened = await openSavedModel([spec], {}, files);
    assert.deepEqual(run(opened, { x: { shape: [2], data: [1, 2] } }).y?.data, [11, 22]);
    assert.deepEqual(
      [...opened.program.graphs[0]!.nodes].map(({ op }) => op),
      ['ADD'],
    );
  });

  test('that a signature writes live in the runtime, with first values', async () => {
    const { program } = await openSavedModel([counting], {}, files);
    assert.deepEqual(
      program.graphs.map(({ name }) => name),
      ['add', 'get', 'initialize variables'],
    );
    assert.deepEqual(
      [...program.graphs[0]!.nodes].map(({ op }) => op),
      ['CALL_ONCE', 'VAR_HANDLE', 'READ_VARIABLE', 'ADD', 'ASSIGN_VARIABLE', 'READ_VARIABLE'],
    );
  });

  test('without a checkpoint or without a value are refused', async () => {
    const bare = await errorOf(openSavedModel([spec]));
    assert.equal(bare.code, 'INVALID_MODEL');
    assert.match(bare.format(), /no checkpoint that holds the variable v[\s\S]*variables\//);
    const other = await errorOf(openSavedModel([spec], {}, checkpoint({ bias: [1] })));
    assert.match(other.message, /no tensor weights for the variable v/);
    const lost = await errorOf(openSavedModel([{ ...spec, restoreOp: 'file' }], {}, files));
    assert.match(lost.message, /nothing restores the variable v/);
  });
});

suite('the files', () => {
  test('may be named by saved_model.pb', async () => {
    const path = join(FIXTURES, 'mlp/export');
    const [folder, file] = [await openModel(path), await openModel(join(path, 'saved_model.pb'))];
    const shape = (opened: typeof folder) =>
      opened.program.signatures.map(({ key, inputNames }) => [key, inputNames]);
    assert.deepEqual(shape(file), shape(folder));
  });

  test('that are assets are noted', async () => {
    const { notes } = await openSavedModel([{ ...model(), assets: ['vocabulary.txt'] }]);
    assert.match(notes.join(), /assets .* left out: vocabulary\.txt/);
  });

  test('of no known format are told by what they hold', async () => {
    const cases = [
      [bytesSource('model.bin', Uint8Array.of(0x89, 0x50, 0x4e, 0x47)), /begins with 89 50 4e 47/],
      [bytesSource('empty', new Uint8Array(0)), /it is empty/],
      [filesSource('folder', { 'readme.md': new Uint8Array(1) }), /holds readme\.md/],
      [filesSource('folder', {}), /directory is empty/],
    ] as const;
    for (const [source, message] of cases) {
      const error = await errorOf(openModel(source));
      assert.equal(error.code, 'UNKNOWN_FORMAT');
      assert.match(error.message, message);
      assert.match(error.notes.join(), /SavedModel: a directory with saved_model\.pb/);
    }
  });

  test('that do not exist are an IO error', async () => {
    assert.equal((await errorOf(openModel(join(FIXTURES, 'no/such/model')))).code, 'IO');
  });

  test('are not read once the caller has cancelled', async () => {
    const error = await errorOf(openSavedModel([model()], { signal: AbortSignal.abort() }));
    assert.equal(error.code, 'ABORTED');
  });

  test('are read with progress', async () => {
    const stages: string[] = [];
    await openSavedModel([model()], { onProgress: (stage) => stages.push(stage) });
    assert.deepEqual(stages, [
      'reading saved_model.pb',
      'reading variables',
      'importing the graph',
    ]);
  });

  test('cut off are refused', async () => {
    const bytes = savedModel(model());
    for (let length = 1; length < bytes.length; length++) {
      const source = filesSource('model', { 'saved_model.pb': bytes.subarray(0, length) });
      const { code } = await errorOf(openModel(source));
      assert(['INVALID_MODEL', 'UNKNOWN_FORMAT'].includes(code), `${code} at ${length}`);
    }
  });
});
