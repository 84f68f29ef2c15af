/** Transposes that move and cancel, and the cut that says which. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { TensorId } from '../../../converter/dist/graph/graph.js';
import { FlowNetwork } from '../../../converter/dist/passes/layout/flow.js';
import { transposesLeft } from '../../../converter/dist/passes/layout/rule.js';
import { apply, assertSame, type Build, graphOf, type Net, opsOf } from './net.js';
import { ruleSuite } from './rule-case.js';

const toLast = (n: Net, x: TensorId) => n.op('TRANSPOSE', [x, n.ints(0, 2, 3, 1)]);
const toFirst = (n: Net, x: TensorId) => n.op('TRANSPOSE', [x, n.ints(0, 3, 1, 2)]);

ruleSuite('transposes', [
  {
    rule: 'move-transposes',
    fits: (n) =>
      toLast(
        n,
        n.op('ADD', [n.op('RELU', [toFirst(n, n.input(2, 4, 5, 3))]), n.floats([3, 1, 1])]),
      ),
    leaves: ['RELU', 'ADD'],
    misses: {
      'an op between that fixes the order': (n) =>
        toLast(n, n.op('SOFTMAX', [toFirst(n, n.input(2, 4, 5, 3))], { beta: 1 })),
      'nothing to cancel with': (n) => n.op('RELU', [toFirst(n, n.input(2, 4, 5, 3))]),
    },
  },
]);

/** Every op that can move, each between two transposes. */
const MOVABLE: Readonly<Record<string, (n: Net, x: TensorId) => TensorId>> = {
  'a concatenation': (n, x) => n.op('CONCATENATION', [x, n.op('ABS', [x])], { axis: 1 }),
  'a pad': (n, x) => n.op('PAD', [x, n.table([4, 2], [0, 0, 1, 2, 3, 0, 0, 1])]),
  'a slice': (n, x) => n.op('SLICE', [x, n.ints(0, 1, 2, 0), n.ints(-1, 2, 2, 5)]),
  'a strided slice': (n, x) =>
    n.op('STRIDED_SLICE', [x, n.ints(0, 1, 0, 0), n.ints(0, 3, 4, 0), n.ints(1, 1, 2, 1)], {
      beginMask: 0b1001,
      endMask: 0b1001,
    }),
  'a split': (n, x) => n.op('ADD', n.ops('SPLIT', [n.table([], [2]), x], { numSplits: 2 })),
  'a reduction': (n, x) => n.op('MUL', [x, n.op('MEAN', [x, n.ints(1)], { keepDims: true })]),
  'a tile': (n, x) => n.op('TILE', [x, n.ints(1, 2, 1, 3)]),
  'a choice': (n, x) =>
    n.op('SELECT_V2', [n.op('GREATER', [x, n.scalar(0)]), x, n.floats([3, 1, 5])]),
};

suite('movable ops', () => {
  for (const [name, between] of Object.entries(MOVABLE)) {
    test(`${name} works in the other order`, () => {
      const build: Build = (n) => toLast(n, between(n, toFirst(n, n.input(2, 4, 5, 3))));
      const graph = graphOf(build);
      apply(graph, ['move-transposes']);
      assert.ok(!opsOf(graph).includes('TRANSPOSE'), opsOf(graph).join());
      assertSame(graphOf(build), graph);
    });
  }

  test('a reduction takes a transpose away altogether', () => {
    const build: Build = (n) =>
      n.op('MEAN', [toFirst(n, n.input(2, 4, 5, 3)), n.ints(2, 3)], { keepDims: false });
    const graph = graphOf(build);
    apply(graph, ['move-transposes']);
    assert.deepEqual(opsOf(graph), ['MEAN']);
    assertSame(graphOf(build), graph);
  });

  test('a transpose moves to where the data is smaller', () => {
    const build: Build = (n) =>
      n.op('SLICE', [toFirst(n, n.input(2, 4, 5, 3)), n.ints(0, 0, 0, 0), n.ints(2, 3, 1, 1)]);
    const graph = graphOf(build);
    apply(graph, ['move-transposes']);
    assert.deepEqual(opsOf(graph), ['SLICE', 'TRANSPOSE']);
    assertSame(graphOf(build), graph);
  });

  test('two branches of a residual block cancel together', () => {
    const build: Build = (n) => {
      const x = toFirst(n, n.input(2, 4, 5, 3));
      const branch = toFirst(n, n.op('SOFTMAX', [toLast(n, n.op('ABS', [x]))], { beta: 1 }));
      return toLast(n, n.op('ADD', [x, branch]));
    };
    const graph = graphOf(build);
    apply(graph, ['move-transposes']);
    assert.deepEqual(opsOf(graph), ['ABS', 'SOFTMAX', 'ADD']);
    assertSame(graphOf(build), graph);
  });
});

suite('transposes that are left', () => {
  test('have their reason', () => {
    const graph = graphOf((n) => [
      toFirst(n, n.input(1, 4, 5, 3)),
      n.op('SOFTMAX', [toFirst(n, n.op('SOFTMAX', [n.input(1, 4, 5, 3)]))]),
    ]);
    assert.deepEqual(
      transposesLeft(graph).map(({ reason }) => reason),
      [
        'turns an input into an output of the model',
        'SOFTMAX reads SOFTMAX in this order of dimensions',
      ],
    );
  });
});

suite('minimum cut', () => {
  test('is the cheapest of all labellings', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { edges, vertices } = randomNetwork(seed);
      const network = new FlowNetwork();
      for (let i = 2; i < vertices; i++) network.addVertex();
      for (const [from, to, capacity] of edges) network.addEdge(from, to, capacity);
      const { cost, sourceSide } = network.minimumCut();
      const costOf = (side: (vertex: number) => boolean) =>
        edges.reduce(
          (sum, [from, to, capacity]) => sum + (side(from) && !side(to) ? capacity : 0),
          0,
        );
      assert.equal(
        costOf((vertex) => sourceSide[vertex]!),
        cost,
      );
      for (let bits = 0; bits < 1 << (vertices - 2); bits++) {
        const side = (vertex: number) =>
          vertex === 0 || (vertex > 1 && ((bits >> (vertex - 2)) & 1) === 1);
        assert.ok(costOf(side) >= cost, `seed ${seed}: labelling ${bits} costs less than the cut`);
      }
    }
  });
});

function randomNetwork(seed: number) {
  let state = seed;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const vertices = 3 + next(5);
  const edges = Array.from(
    { length: 3 * vertices },
    () => [next(vertices), next(vertices), next(9)] as const,
  );
  return { vertices, edges };
}
