/** Malformed graphs are refused with an address, never run. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LinnetError, loadModel } from '@linnet/runtime-web';
import type { Subgraph } from '@linnet/schema';
import { file, graph, node, tensor } from './models.js';

const vectors = (count: number) =>
  Array.from({ length: count }, (_, i) => tensor(`t${i}`, 'float32', [2]));

const REFUSED: Record<string, [Subgraph[], RegExp]> = {
  'a node that reads what a later one writes': [
    [
      graph({
        tensors: vectors(3),
        operators: [node('RELU', [1], [2]), node('ABS', [0], [1])],
        inputs: [0],
        outputs: [2],
      }),
    ],
    /tensor too early: node #1 writes it[\s\S]*node #0, op RELU, tensor t1/,
  ],
  'a cycle': [
    [
      graph({
        tensors: vectors(3),
        operators: [node('ADD', [0, 2], [1]), node('ABS', [1], [2])],
        inputs: [0],
        outputs: [2],
      }),
    ],
    /too early/,
  ],
  'a tensor that nothing writes': [
    [
      graph({
        tensors: vectors(3),
        operators: [node('ADD', [0, 2], [1])],
        inputs: [0],
        outputs: [1],
      }),
    ],
    /nothing writes it/,
  ],
  'a tensor written twice': [
    [
      graph({
        tensors: vectors(2),
        operators: [node('ABS', [0], [1]), node('NEG', [0], [1])],
        inputs: [0],
        outputs: [1],
      }),
    ],
    /written by another node/,
  ],
  'an input that is written': [
    [
      graph({
        tensors: vectors(2),
        operators: [node('ABS', [0], [1]), node('ABS', [1], [0])],
        inputs: [0],
        outputs: [1],
      }),
    ],
    /is a constant, an input/,
  ],
  'an output that nothing writes': [
    [graph({ tensors: vectors(2), operators: [], inputs: [0], outputs: [1] })],
    /Nothing writes an output/,
  ],
  'too few inputs': [
    [graph({ tensors: vectors(2), operators: [node('ADD', [0], [1])], inputs: [0], outputs: [1] })],
    /has 1 inputs; its op takes 2/,
  ],
  'a branch with other inputs than its node': [
    [
      graph({
        tensors: [tensor('c', 'bool', []), ...vectors(2)],
        operators: [node('IF', [0, 1], [2], { thenSubgraphIndex: 1, elseSubgraphIndex: 1 })],
        inputs: [0, 1],
        outputs: [2],
      }),
      graph({
        tensors: vectors(2),
        operators: [node('ADD', [0, 1], [1])].slice(1),
        inputs: [0, 1],
        outputs: [0],
      }),
    ],
    /branch, subgraph 1, has 2 inputs and 1 outputs; 1 and 1 were expected/,
  ],
  'shapes that do not fit': [
    [
      graph({
        tensors: [
          tensor('a', 'float32', [2]),
          tensor('b', 'float32', [3]),
          tensor('c', 'float32', [3]),
        ],
        operators: [node('ADD', [0, 1], [2])],
        inputs: [0, 1],
        outputs: [2],
      }),
    ],
    /broadcast[\s\S]*node #0, op ADD/,
  ],
};

suite('malformed graphs', () => {
  for (const [name, [subgraphs, pattern]] of Object.entries(REFUSED)) {
    test(name, async () => {
      await assert.rejects(loadModel(file(subgraphs)), (error) => {
        assert.ok(error instanceof LinnetError, String(error));
        assert.equal(error.code, 'INVALID_MODEL');
        assert.match(error.format(), pattern);
        return true;
      });
    });
  }

  test('a shape beyond all memory', async () => {
    const bytes = file([
      graph({
        tensors: [tensor('x', 'float32', [65536, 32768]), tensor('y', 'float32', [65536, 32768])],
        operators: [node('ABS', [0], [1])],
        inputs: [0],
        outputs: [1],
      }),
    ]);
    await assert.rejects(
      loadModel(bytes),
      (error) => error instanceof LinnetError && error.code === 'OUT_OF_MEMORY',
    );
  });

  test('a chain of broadcasts that grows past all memory', async () => {
    const shape = (rank: number) => Array.from({ length: 5 }, (_, i) => (i < rank ? 256 : 1));
    const axis = (i: number) => shape(5).map((_, k) => (k === i ? 256 : 1));
    const bytes = file([
      graph({
        tensors: [
          ...[0, 1, 2, 3, 4].map((i) => tensor(`a${i}`, 'float32', axis(i))),
          ...[2, 3, 4, 5].map((rank) => tensor(`s${rank}`, 'float32', shape(rank))),
        ],
        operators: [
          node('ADD', [0, 1], [5]),
          node('ADD', [5, 2], [6]),
          node('ADD', [6, 3], [7]),
          node('ADD', [7, 4], [8]),
        ],
        inputs: [0, 1, 2, 3, 4],
        outputs: [8],
      }),
    ]);
    await assert.rejects(
      loadModel(bytes),
      (error) => error instanceof LinnetError && error.code === 'OUT_OF_MEMORY',
    );
  });
});
