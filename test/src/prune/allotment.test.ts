/** How many weights each layer loses. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { allot, type Curve } from '../../../converter/dist/prune/allotment.js';
import { seededRandom } from '../../../converter/dist/verify/random-inputs.js';

const SEED = 11;

/** All choices of a point of each curve. */
function combinations(curves: readonly Curve[]): readonly Curve['points'][] {
  return curves.reduce<readonly Curve['points'][]>(
    (all, { points }) => all.flatMap((chosen) => points.map((point) => [...chosen, point])),
    [[]],
  );
}

const sumOf = (points: Curve['points'], of: 'count' | 'loss') =>
  points.reduce((sum, point) => sum + point[of], 0);

suite(`allotment, seed ${SEED}`, () => {
  test('no other choice that removes as much loses less, whatever the curves', () => {
    const random = seededRandom(SEED);
    for (let trial = 0; trial < 50; trial++) {
      const curves = Array.from({ length: 4 }, (): Curve => {
        const step = 1 + Math.floor(20 * random());
        const points = Array.from({ length: 6 }, (_, i) => ({ count: step * i, loss: random() }));
        return { points };
      });
      const total = Math.ceil(
        random() *
          sumOf(
            curves.map(({ points }) => points.at(-1)!),
            'count',
          ),
      );
      const counts = allot(curves, total);
      const chosen = counts.map(
        (count, i) => curves[i]!.points.find((point) => point.count === count)!,
      );
      assert.ok(sumOf(chosen, 'count') >= total, `trial ${trial}`);
      const enough = combinations(curves).filter((points) => sumOf(points, 'count') >= total);
      const least = Math.min(...enough.map((points) => sumOf(points, 'loss')));
      assert.ok(sumOf(chosen, 'loss') <= least + 1e-12, `trial ${trial}`);
    }
  });

  test('layers that lose half of their weights or none lose hardly more than was asked for', () => {
    const curve = (size: number, scale: number): Curve => ({
      points: [0, 0.5, 0.6, 0.7].map((part) => ({ count: part * size, loss: scale * part ** 3 })),
    });
    // The second curve ends a little above where it must; the first one is too dear to help.
    assert.deepEqual(allot([curve(100, 20), curve(1000, 1)], 550), [0, 600]);
    assert.deepEqual(allot([curve(100, 0.1), curve(1000, 1)], 550), [50, 500]);
  });

  test('as many as can go where that is too few', () => {
    const points = [0, 5].map((count) => ({ count, loss: count }));
    assert.deepEqual(allot([{ points }, { points }], 100), [5, 5]);
  });
});
