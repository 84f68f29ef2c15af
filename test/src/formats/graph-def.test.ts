/** Frozen graphs: functions, control flow, layouts and refusals. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  constant,
  type FunctionSpec,
  floats,
  type GraphSpec,
  ints,
  type NodeSpec,
  placeholder,
  repeatedFloat,
} from './encode.js';
import { errorOf, openGraph, run } from './evaluate.js';

const T = { T: { type: 1 } };
const one = constant(floats([], [1]));
const binary = (op: string, a: string, b: string): NodeSpec => ({ op, inputs: [a, b], attrs: T });
const call = (f: string, ...inputs: string[]): NodeSpec => ({
  op: 'PartitionedCall',
  inputs,
  attrs: { f: { func: f } },
});
const bool = (value: boolean) =>
  constant(new Uint8Array([0x08, 10, 0x12, 0, 0x22, 1, Number(value)]));

suite('calls', () => {
  const addOne = {
    args: ['a'],
    outputs: { sum: 'add:z:0' },
    nodes: { one, add: binary('AddV2', 'a', 'one:output:0') },
  };

  test('are replaced by the bodies of the functions, nested ones too', async () => {
    const opened = await openGraph({
      nodes: { x: placeholder([2]), y: call('twice', 'x') },
      functions: {
        addOne,
        twice: {
          args: ['b'],
          outputs: { result: 'second:output:0' },
          nodes: { first: call('addOne', 'b'), second: call('addOne', 'first:output:0') },
        },
      },
    });
    assert.deepEqual(run(opened, { x: { shape: [2], data: [1, 2] } }).y?.data, [3, 4]);
    const names = [...opened.program.graphs[0]!.nodes].map(({ name }) => name);
    assert.deepEqual(names, ['y/first/add', 'y/second/add']);
  });

  test('by the name of the function as the op are calls as well', async () => {
    const opened = await openGraph({
      nodes: { x: placeholder([1]), y: { op: 'addOne', inputs: ['x'] } },
      functions: { addOne },
    });
    assert.deepEqual(run(opened, { x: { shape: [1], data: [4] } }).y?.data, [5]);
  });

  test('that recurse are refused', async () => {
    const error = await errorOf(
      openGraph({
        nodes: { x: placeholder([1]), y: call('again', 'x') },
        functions: {
          again: {
            args: ['a'],
            outputs: { r: 'inner:output:0' },
            nodes: { inner: call('again', 'a') },
          },
        },
      }),
    );
    assert.equal(error.code, 'UNSUPPORTED');
    assert.match(error.message, /the function is recursive/);
  });

  test('of unknown functions and with a wrong number of arguments are malformed', async () => {
    const unknown = await errorOf(openGraph({ nodes: { x: placeholder([1]), y: call('f', 'x') } }));
    assert.match(unknown.message, /no function f/);
    const wrong = await errorOf(
      openGraph({
        nodes: { x: placeholder([1]), y: call('addOne', 'x', 'x') },
        functions: { addOne },
      }),
    );
    assert.match(wrong.message, /passes 2 arguments to addOne, which takes 1/);
  });
});

suite('conditionals', () => {
  const branches = {
    double: { args: ['a'], outputs: { r: 'add:z:0' }, nodes: { add: binary('AddV2', 'a', 'a') } },
    same: { args: ['a'], outputs: { r: 'a' }, nodes: {} },
  };
  const conditional = (predicate: string): NodeSpec => ({
    op: 'StatelessIf',
    inputs: [predicate, 'x'],
    attrs: { then_branch: { func: 'double' }, else_branch: { func: 'same' } },
  });

  test('with a known predicate leave no trace', async () => {
    for (const [value, expected] of [
      [true, [6]],
      [false, [3]],
    ] as const) {
      const opened = await openGraph({
        nodes: { x: placeholder([1]), p: bool(value), y: conditional('p') },
        functions: branches,
      });
      assert.deepEqual(run(opened, { x: { shape: [1], data: [3] } }).y?.data, expected);
      assert.equal(opened.program.graphs.length, 1);
    }
  });

  test('decided by the data become IF with two graphs', async () => {
    const opened = await openGraph({
      nodes: {
        x: placeholder([]),
        zero: constant(floats([], [0])),
        p: binary('Greater', 'x', 'zero'),
        y: conditional('p'),
      },
      functions: branches,
    });
    assert.deepEqual(
      opened.program.graphs.map(({ name }) => name),
      ['serving_default', 'y/then_branch', 'y/else_branch'],
    );
    assert.deepEqual(run(opened, { x: { shape: [], data: [3] } }).y?.data, [6]);
    assert.deepEqual(run(opened, { x: { shape: [], data: [-3] } }).y?.data, [-3]);
  });

  test('of TensorFlow 1 with a known predicate pass on the branch that is alive', async () => {
    for (const phase of [true, false]) {
      const opened = await openGraph({
        nodes: {
          x: placeholder([1]),
          default: bool(phase),
          phase: { op: 'PlaceholderWithDefault', inputs: ['default'] },
          switch: { op: 'Switch', inputs: ['x', 'phase'], attrs: T },
          pivot: { op: 'Identity', inputs: ['switch:1'], attrs: T },
          two: { ...constant(floats([], [2])), inputs: ['^pivot'] },
          trained: binary('Mul', 'switch:1', 'two'),
          merge: { op: 'Merge', inputs: ['switch', 'trained'], attrs: T },
          y: binary('AddV2', 'merge', 'merge'),
        },
      });
      assert.deepEqual(run(opened, { x: { shape: [1], data: [3] } }).y?.data, [phase ? 12 : 6]);
    }
  });

  test('of TensorFlow 1 decided by the data are refused with what to do', async () => {
    const error = await errorOf(
      openGraph({
        nodes: {
          x: placeholder([]),
          p: { op: 'IsNan', inputs: ['x'] },
          switch: { op: 'Switch', inputs: ['x', 'p'], attrs: T },
          y: { op: 'Merge', inputs: ['switch', 'switch:1'], attrs: T },
        },
      }),
    );
    assert.equal(error.code, 'UNSUPPORTED');
    assert.match(error.format(), /Merge \(1 node: y\): control flow of TensorFlow 1/);
  });
});

suite('loops', () => {
  test('become WHILE with two graphs', async () => {
    const opened = await openGraph({
      nodes: {
        x: placeholder([]),
        start: constant(ints([], [0])),
        loop: {
          op: 'StatelessWhile',
          inputs: ['start', 'x'],
          attrs: { cond: { func: 'under' }, body: { func: 'step' } },
        },
        y: { op: 'Identity', inputs: ['loop:1'], attrs: T },
      },
      functions: {
        under: {
          args: ['i', 'a'],
          outputs: { r: 'less:z:0' },
          nodes: { limit: constant(ints([], [4])), less: binary('Less', 'i', 'limit:output:0') },
        },
        step: {
          args: ['i', 'a'],
          outputs: { i1: 'next:z:0', a1: 'sum:z:0' },
          nodes: {
            one: constant(ints([], [1])),
            next: binary('AddV2', 'i', 'one:output:0'),
            sum: binary('AddV2', 'a', 'a'),
          },
        },
      },
    });
    assert.deepEqual(run(opened, { x: { shape: [], data: [3] } }).y?.data, [48]);
  });

  test('of TensorFlow 1 are refused', async () => {
    const error = await errorOf(
      openGraph({
        nodes: {
          x: placeholder([1]),
          merge: { op: 'Merge', inputs: ['x', 'next'], attrs: T },
          next: { op: 'NextIteration', inputs: ['merge'], attrs: T },
          y: { op: 'Exit', inputs: ['merge'], attrs: T },
        },
      }),
    );
    assert.equal(error.code, 'UNSUPPORTED');
    assert.match(error.message, /cycle/);
  });
});

suite('channels-first data', () => {
  const image = Array.from({ length: 2 * 4 * 5 * 3 }, (_, i) => Math.sin(i));
  const filter = Array.from({ length: 3 * 3 * 3 * 2 }, (_, i) => Math.cos(i));
  /** [n, h, w, c] to [n, c, h, w] */
  const toFirst = (
    data: readonly number[],
    [n, h, w, c]: readonly [number, number, number, number],
  ) =>
    Array.from({ length: n * c * h * w }, (_, i) => {
      const [batch, rest] = [Math.floor(i / (c * h * w)), i % (c * h * w)];
      const [channel, place] = [Math.floor(rest / (h * w)), rest % (h * w)];
      return data[(batch * h * w + place) * c + channel]!;
    });

  const layouts = {
    NHWC: { strides: [1, 2, 1, 1], explicit: [0, 0, 1, 2, 0, 1, 0, 0] },
    NCHW: { strides: [1, 1, 2, 1], explicit: [0, 0, 0, 0, 1, 2, 0, 1] },
  };
  const net = (format: 'NHWC' | 'NCHW'): GraphSpec => ({
    nodes: {
      x: placeholder(format === 'NHWC' ? [2, 4, 5, 3] : [2, 3, 4, 5]),
      filter: constant(floats([3, 3, 3, 2], filter)),
      bias: constant(floats([2], [0.5, -0.5])),
      conv: {
        op: 'Conv2D',
        inputs: ['x', 'filter'],
        attrs: {
          padding: { s: 'EXPLICIT' },
          data_format: { s: format },
          strides: { ints: layouts[format].strides },
          explicit_paddings: { ints: layouts[format].explicit },
        },
      },
      biased: { op: 'BiasAdd', inputs: ['conv', 'bias'], attrs: { data_format: { s: format } } },
      norm: {
        op: 'FusedBatchNormV3',
        inputs: ['biased', 'bias', 'bias', 'bias', 'variance'],
        attrs: { is_training: { b: false }, epsilon: { f: 0.1 }, data_format: { s: format } },
      },
      variance: constant(floats([2], [1, 2])),
      y: {
        op: 'MaxPool',
        inputs: ['norm'],
        attrs: {
          padding: { s: 'SAME' },
          data_format: { s: format },
          ksize: { ints: layouts[format].strides },
          strides: { ints: [1, 1, 1, 1] },
        },
      },
    },
  });

  test('gives what channels-last data gives, transposed', async () => {
    const last = run(await openGraph(net('NHWC')), { x: { shape: [2, 4, 5, 3], data: image } }).y!;
    const first = run(await openGraph(net('NCHW')), {
      x: { shape: [2, 3, 4, 5], data: toFirst(image, [2, 4, 5, 3]) },
    }).y!;
    const [n, h, w, c] = last.shape as [number, number, number, number];
    assert.deepEqual(first.shape, [n, c, h, w]);
    assert.deepEqual(first.data, toFirst(last.data, [n, h, w, c]));
  });
});

suite('unsupported ops', () => {
  test('are listed once each, with counts and names', async () => {
    const error = await errorOf(
      openGraph({
        nodes: {
          x: placeholder([1]),
          a: { op: 'Lgamma', inputs: ['x'] },
          b: { op: 'Lgamma', inputs: ['a'] },
          c: { op: 'MyOwnOp', inputs: ['b'] },
          table: { op: 'HashTableV2' },
          y: { op: 'LookupTableFindV2', inputs: ['table', 'c', 'x'] },
        },
      }),
    );
    assert.equal(error.code, 'UNSUPPORTED');
    assert.equal(
      error.message,
      'the model uses 4 TensorFlow ops that cannot be converted: HashTableV2, Lgamma, LookupTableFindV2, MyOwnOp',
    );
    assert.match(error.notes.join('\n'), /^Lgamma \(2 nodes: a, b\)$/m);
    assert.match(error.notes.join('\n'), /^HashTableV2 \(1 node: table\): look-up tables/m);
  });

  test('that nothing needs do not matter', async () => {
    const opened = await openGraph({
      nodes: {
        x: placeholder([1]),
        assert: { op: 'Assert', inputs: ['x'] },
        y: { op: 'Relu', inputs: ['x', '^assert'], attrs: T },
        unused: { op: 'MyOwnOp' },
      },
    });
    assert.deepEqual(
      [...opened.program.graphs[0]!.nodes].map(({ op }) => op),
      ['RELU'],
    );
  });
});

suite('signatures of a frozen graph', () => {
  const spec: GraphSpec = {
    nodes: {
      x: placeholder([-1, 2]),
      z: placeholder([2]),
      middle: { op: 'Relu', inputs: ['x'], attrs: T },
      y: binary('AddV2', 'middle', 'z'),
    },
  };

  test('are what is computed and not read again, or the node that is named', async () => {
    const [all] = (await openGraph(spec)).program.signatures;
    assert.deepEqual(
      [all?.key, all?.inputNames, all?.outputNames],
      ['serving_default', ['x', 'z'], ['y']],
    );
    const [named] = (await openGraph(spec, { signatures: ['middle'] })).program.signatures;
    assert.deepEqual(
      [named?.key, named?.inputNames, named?.outputNames],
      ['middle', ['x'], ['middle']],
    );
    const error = await errorOf(openGraph(spec, { signatures: ['nothing'] }));
    assert.equal(error.code, 'INVALID_ARGUMENT');
  });

  test('take input shapes, which must be of inputs and of the right rank', async () => {
    const { program } = await openGraph(spec, { inputShapes: { x: [7, 2] } });
    const graph = program.graphs[0]!;
    assert.deepEqual(graph.tensor(graph.outputs[0]!).shape, [7, 2]);
    const unknown = await errorOf(openGraph(spec, { inputShapes: { w: [1] } }));
    assert.match(unknown.format(), /no input w[\s\S]*x, z/);
    const rank = await errorOf(openGraph(spec, { inputShapes: { x: [1, 2, 3] } }));
    assert.match(rank.message, /3 dimensions; the input x has 2/);
  });

  test('with an input of unknown rank ask for its shape', async () => {
    const nodes = { x: placeholder(null), y: { op: 'Relu', inputs: ['x'], attrs: T } };
    const error = await errorOf(openGraph({ nodes }));
    assert.match(error.format(), /any number of dimensions[\s\S]*--input-shape x:/);
    const opened = await openGraph({ nodes }, { inputShapes: { x: [3] } });
    assert.deepEqual(run(opened, { x: { shape: [3], data: [-1, 0, 2] } }).y?.data, [0, 0, 2]);
  });
});

suite('half precision', () => {
  test('is computed in float32 and kept at the ports', async () => {
    const H = { T: { type: 19 } };
    const { program } = await openGraph({
      nodes: { x: placeholder([2], 19), y: { op: 'Relu', inputs: ['x'], attrs: H } },
    });
    const graph = program.graphs[0]!;
    assert.equal(graph.tensor(graph.inputs[0]!).dtype, 'float16');
    assert.deepEqual(
      [...graph.nodes].map(({ op, outputs }) => [op, graph.tensor(outputs[0]!).dtype]),
      [
        ['CAST', 'float32'],
        ['RELU', 'float32'],
      ],
    );
  });
});

suite('hostile graphs', () => {
  test('deeper than the stack are fine', async () => {
    const nodes: Record<string, NodeSpec> = { n0: placeholder([1]) };
    for (let i = 1; i <= 20_000; i++)
      nodes[`n${i}`] = { op: 'Relu', inputs: [`n${i - 1}`], attrs: T };
    const { program } = await openGraph({ nodes });
    assert.equal(program.graphs[0]?.nodes.size, 20_000);
  });

  test('that double at each call are refused soon', async () => {
    const functions: Record<string, FunctionSpec> = {
      f0: { args: ['a'], outputs: { r: 'n:z:0' }, nodes: { n: binary('AddV2', 'a', 'a') } },
    };
    for (let i = 1; i < 40; i++) {
      functions[`f${i}`] = {
        args: ['a'],
        outputs: { r: 'n:z:0' },
        nodes: {
          p: call(`f${i - 1}`, 'a'),
          q: call(`f${i - 1}`, 'a'),
          n: binary('AddV2', 'p:output:0', 'q:output:0'),
        },
      };
    }
    const error = await errorOf(
      openGraph({ nodes: { x: placeholder([1]), y: call('f39', 'x') }, functions }),
    );
    assert.equal(error.code, 'INVALID_MODEL');
    assert.match(error.message, /nodes/);
  });

  test('with cycles, missing nodes and missing inputs are refused', async () => {
    for (const [nodes, message] of [
      [{ x: placeholder([1]), y: binary('AddV2', 'x', 'nowhere') }, /no node nowhere/],
      [{ x: placeholder([1]), y: { op: 'AddV2', inputs: ['x'], attrs: T } }, /[Ii]nput/],
      [{ x: placeholder([1]), y: { op: 'Reshape', inputs: ['x'], attrs: T } }, /[Ii]nput/],
      [{ x: placeholder([1]), y: binary('AddV2', 'x', 'x:-3') }, /malformed input/],
    ] as const) {
      const error = await errorOf(openGraph({ nodes }));
      assert.equal(error.code, 'INVALID_MODEL');
      assert.match(error.message, message);
    }
  });

  test('with absurd constants are refused before memory is taken', async () => {
    for (const dims of [[2 ** 40], [2 ** 20, 2 ** 20], [2 ** 29]]) {
      const nodes = {
        x: placeholder([1]),
        c: constant(repeatedFloat(dims, 1)),
        y: binary('AddV2', 'x', 'c'),
      };
      const error = await errorOf(openGraph({ nodes }));
      assert.equal(error.code, 'INVALID_MODEL');
      assert.match(error.message, /absurd shape/);
    }
  });
});
