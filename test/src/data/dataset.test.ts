import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LinnetError } from '@linnet/converter';
import fc from 'fast-check';
import { Dataset } from '../../../converter/dist/data/index.js';

/** Counts to `count` and remembers how often it was walked and closed. */
class Source {
  walks = 0;
  closed = 0;
  read = 0;

  constructor(
    readonly count: number,
    readonly failAt = Number.POSITIVE_INFINITY,
  ) {}

  get dataset(): Dataset<number> {
    const source = this;
    return new Dataset(async function* () {
      source.walks++;
      try {
        for (let i = 0; i < source.count; i++) {
          if (i === source.failAt) throw new Error('broken');
          source.read++;
          yield i;
        }
      } finally {
        source.closed++;
      }
    }, this.count);
  }
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

async function collect<T>(dataset: Dataset<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const element of dataset) all.push(element);
  return all;
}

suite('Dataset', () => {
  test('maps, batches and takes', async () => {
    const { dataset } = new Source(7);
    assert.deepEqual(
      await collect(dataset.map(async (x, i) => x * 10 + i)),
      range(7).map((x) => x * 11),
    );
    assert.deepEqual(await collect(dataset.batch(3)), [[0, 1, 2], [3, 4, 5], [6]]);
    assert.deepEqual(await collect(dataset.take(2)), [0, 1]);
    assert.deepEqual(await collect(dataset.take(0)), []);
    assert.deepEqual(
      [dataset.batch(3).size, dataset.take(2).size, dataset.map(String).size],
      [3, 2, 7],
    );
  });

  test('is made from any iterable', async () => {
    assert.deepEqual(await collect(Dataset.from([1, 2])), [1, 2]);
    assert.equal(Dataset.from([1, 2]).size, 2);
    assert.deepEqual(await collect(Dataset.from(new Source(3).dataset)), [0, 1, 2]);
  });

  test('every chain gives the elements of its source, whatever the sizes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(40),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer(),
        async (count, buffer, ahead, seed) => {
          const { dataset } = new Source(count);
          const chain = dataset.shuffle(seed, buffer).prefetch(ahead).batch(ahead);
          const [once, again] = [await collect(chain), await collect(chain)];
          assert.deepEqual(again, once);
          assert.deepEqual(
            once.flat().sort((a, b) => a - b),
            range(count),
          );
        },
      ),
    );
  });

  test('shuffles by seed, within its buffer', async () => {
    const { dataset } = new Source(100);
    const [a, b] = [await collect(dataset.shuffle(1, 100)), await collect(dataset.shuffle(2, 100))];
    assert.notDeepEqual(a, b);
    assert.notDeepEqual(a, range(100));
    const near = await collect(dataset.shuffle(1, 4));
    assert.ok(near.every((element, position) => element <= position + 4));
  });

  test('caches after one whole walk', async () => {
    const source = new Source(5);
    const cached = source.dataset.cache();
    await collect(cached.take(2));
    assert.equal(source.walks, 1);
    await collect(cached);
    assert.deepEqual(await collect(cached), range(5));
    assert.equal(source.walks, 2);
  });

  test('reads ahead as far as asked', async () => {
    const source = new Source(100);
    for await (const element of source.dataset.prefetch(3)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      assert.ok(source.read <= element + 4, `${source.read} read at ${element}`);
      if (element === 10) break;
    }
    assert.ok(source.read > 11);
  });

  const chains: readonly (readonly [string, (dataset: Dataset<number>) => Dataset<unknown>])[] = [
    ['map', (dataset) => dataset.map((x) => x)],
    ['batch', (dataset) => dataset.batch(1)],
    ['take', (dataset) => dataset.take(3)],
    ['shuffle', (dataset) => dataset.shuffle(1, 2)],
    ['cache', (dataset) => dataset.cache()],
    ['prefetch', (dataset) => dataset.prefetch(4)],
    ['abortable', (dataset) => dataset.abortable(new AbortController().signal)],
    ['all', (d) => d.cache().map(String).shuffle(1, 3).prefetch(2).batch(2).take(9)],
  ];
  for (const [name, chain] of chains) {
    test(`${name} closes the source when the walk stops early`, async () => {
      const source = new Source(50);
      for await (const _ of chain(source.dataset)) break;
      assert.deepEqual([source.walks, source.closed], [1, 1]);
    });
    test(`${name} passes errors on and closes the source`, async () => {
      const source = new Source(50, 2);
      await assert.rejects(collect(chain(source.dataset)), /broken/);
      assert.deepEqual([source.walks, source.closed], [1, 1]);
    });
  }

  test('an error in a map closes the source', async () => {
    const source = new Source(5);
    const failing = source.dataset.prefetch(2).map(() => {
      throw new Error('no');
    });
    await assert.rejects(collect(failing), /no/);
    assert.equal(source.closed, 1);
  });

  test('an abort ends a walk, also while the source waits', async () => {
    const controller = new AbortController();
    const stuck = new Dataset<number>(async function* () {
      yield 1;
      await new Promise(() => {});
    });
    const seen: number[] = [];
    const walk = (async () => {
      for await (const element of stuck.abortable(controller.signal)) {
        seen.push(element);
        setTimeout(() => controller.abort(), 5);
      }
    })();
    await assert.rejects(walk, { code: 'ABORTED' });
    assert.deepEqual(seen, [1]);
  });

  test('an abort closes the source', async () => {
    const source = new Source(1000);
    const controller = new AbortController();
    const walk = (async () => {
      for await (const element of source.dataset.abortable(controller.signal)) {
        if (element === 5) controller.abort();
      }
    })();
    await assert.rejects(walk, { code: 'ABORTED' });
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual([source.read, source.closed], [6, 1]);
  });

  test('refuses counts that make no sense', () => {
    const { dataset } = new Source(1);
    const wrong = [
      () => dataset.batch(0),
      () => dataset.take(-1),
      () => dataset.shuffle(0, 1.5),
      () => dataset.prefetch(Number.NaN),
    ];
    for (const make of wrong) assert.throws(make, LinnetError);
  });
});
