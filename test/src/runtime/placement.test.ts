/** What divides plans between backends and lays out a device's memory, against trying all ways. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspectPlan } from '@linnet/runtime-web';
import fc from 'fast-check';
import { Network } from '../../../runtime-web/dist/plan/min-cut.js';
import { shareSlots } from '../../../runtime-web/dist/plan/slots.js';
import { file, graph, node, tensor } from './models.js';

/** Nodes beside source and sink. */
const NODES = 6;

const edges = fc.array(
  fc.record({
    from: fc.integer({ min: 0, max: NODES + 1 }),
    to: fc.integer({ min: 0, max: NODES + 1 }),
    capacity: fc.constantFrom(0, 1, 2, 3, 5, 8, Number.POSITIVE_INFINITY),
  }),
  { maxLength: 24 },
);

suite('minimum cuts', () => {
  test('cost as little as the best of all divisions', () => {
    fc.assert(
      fc.property(edges, (all) => {
        // A way of no limit from the source to the sink cannot be cut.
        const some = all.filter(({ from, capacity }) => from > 0 || Number.isFinite(capacity));
        const network = new Network();
        for (let node = 0; node < NODES; node++) network.addNode();
        for (const { from, to, capacity } of some) network.addEdge(from, to, capacity);
        const cost = (isWithSink: (node: number) => boolean) =>
          some.reduce(
            (sum, { from, to, capacity }) =>
              !isWithSink(from) && isWithSink(to) ? sum + capacity : sum,
            0,
          );
        const costs = Array.from({ length: 2 ** NODES }, (_, bits) =>
          cost((node) => node === 1 || (node > 1 && (bits >> (node - 2)) % 2 === 1)),
        );
        const found = network.withSink();
        assert.ok(found.has(1) && !found.has(0));
        assert.equal(
          cost((node) => found.has(node)),
          Math.min(...costs),
        );
      }),
    );
  });
});

suite('slots', () => {
  test('are not shared by buffers that are alive at the same time, and do not overlap', () => {
    const lifetime = fc.record({
      bytes: fc.integer({ min: 1, max: 100 }),
      first: fc.integer({ min: 0, max: 12 }),
      length: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(lifetime, { maxLength: 20 }), (list) => {
        const lifetimes = list.map(({ bytes, first, length }, buffer) => ({
          buffer,
          bytes,
          first,
          last: first + length,
        }));
        const { offsets, bytes, lowerBound } = shareSlots(lifetimes);
        assert.ok(lowerBound <= bytes);
        for (const a of lifetimes) {
          const from = offsets.get(a.buffer) as number;
          assert.ok(from + a.bytes <= bytes);
          for (const b of lifetimes.filter(({ buffer }) => buffer < a.buffer)) {
            const other = offsets.get(b.buffer) as number;
            if (from === other) assert.ok(a.last < b.first || b.last < a.first);
            else assert.ok(from + a.bytes <= other || other + b.bytes <= from);
          }
        }
      }),
    );
  });
});

suite('state', () => {
  /** Two recurrent layers, one after the other, that keep state in the tensors of given numbers. */
  const layers = (first: number, second: number) =>
    file([
      graph({
        tensors: [
          ...['x', 'h', 'y'].map((name) => tensor(name, 'float32', [1, 1])),
          tensor('matrix', 'float32', [1, 1], Float32Array.of(1)),
          tensor('bias', 'float32', [1], Float32Array.of(0)),
          ...['a', 'b'].map((name) => ({ ...tensor(name, 'float32', [1, 1]), isVariable: true })),
        ],
        operators: [node('RNN', [0, 3, 3, 4, first], [1]), node('RNN', [1, 3, 3, 4, second], [2])],
        inputs: [0],
        outputs: [2],
      }),
    ]);

  test('is kept where the node runs that owns it', async () => {
    const { graphs } = await inspectPlan(layers(5, 6), { backend: 'webgpu' });
    assert.deepEqual(
      graphs[0]?.ops.map(({ onGpu, whyNotOnGpu }) => [onGpu, whyNotOnGpu]),
      [[2, []]],
    );
  });

  test('that nodes share stays with the host', async () => {
    const { graphs } = await inspectPlan(layers(5, 5), { backend: 'webgpu' });
    assert.deepEqual(
      graphs[0]?.ops.map(({ onGpu, whyNotOnGpu }) => [onGpu, whyNotOnGpu]),
      [[0, ['shares state']]],
    );
  });
});
