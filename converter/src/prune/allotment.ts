/** What it costs to prune one layer to several degrees. */
export interface Curve {
  /** Weights that are removed and what is lost by it; one of them is nothing. */
  readonly points: readonly Point[];
}

export interface Point {
  readonly count: number;
  readonly loss: number;
}

/** What curves say is lost when `counts` weights are removed. */
export function lossOf(curves: readonly Curve[], counts: readonly number[]): number {
  return curves.reduce((sum, { points }, layer) => {
    const point = points.find(({ count }) => count >= counts[layer]!);
    return sum + (point?.loss ?? Number.POSITIVE_INFINITY);
  }, 0);
}

/** Parts of the total in which weights are counted, at most: one by one where there are fewer. */
const MOST_UNITS = 4000;

/**
 * How many weights to remove from each layer so that `total` go or hardly more (or as many as can) and the
 * sum of losses is least: the multiple-choice knapsack problem, by dynamic programming. Curves need not be
 * convex, as those of patterns are not that remove half of a layer or nothing.
 */
export function allot(curves: readonly Curve[], total: number): readonly number[] {
  const all = Math.min(Math.max(1, total), MOST_UNITS);
  // By units that are gone at least, the least loss in the layers so far.
  let losses = new Float64Array(all + 1).fill(Number.POSITIVE_INFINITY);
  losses[0] = 0;
  const unitsOf = ({ count }: Point) => Math.round((count * all) / Math.max(1, total));
  const choices = curves.map(({ points }) => {
    const next = new Float64Array(all + 1).fill(Number.POSITIVE_INFINITY);
    const choice = new Uint32Array(all + 1);
    for (const [index, point] of points.entries()) {
      const own = unitsOf(point);
      for (let units = 0; units <= all; units++) {
        const loss = losses[Math.max(0, units - own)]! + point.loss;
        if (loss >= next[units]!) continue;
        next[units] = loss;
        choice[units] = index;
      }
    }
    losses = next;
    return choice;
  });
  let units = losses.findLastIndex((loss) => Number.isFinite(loss));
  const chosen = curves.map(() => 0);
  for (let layer = curves.length - 1; layer >= 0; layer--) {
    const point = curves[layer]!.points[choices[layer]![units]!]!;
    chosen[layer] = point.count;
    units = Math.max(0, units - unitsOf(point));
  }
  return chosen;
}
