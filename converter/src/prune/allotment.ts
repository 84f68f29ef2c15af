/** What it costs to prune one layer to several degrees. */
export interface Curve {
  /** Weights that are removed and what is lost by it, ascending; the first is nothing. */
  readonly points: readonly Point[];
}

export interface Point {
  readonly count: number;
  readonly loss: number;
}

interface Step {
  readonly curve: number;
  readonly point: Point;
  readonly slope: number;
}

/**
 * How many weights to remove from each layer so that at least `total` go (or as many as can) and the sum
 * of losses is small: steps along the lower convex hulls of the curves, the cheapest per weight first.
 * Where layers can be pruned to any degree, the last one gets only what is still wanted.
 */
export function allot(curves: readonly Curve[], total: number): readonly number[] {
  const counts = curves.map(() => 0);
  const steps = curves.flatMap(({ points }, curve) =>
    hull(points)
      .slice(1)
      .map((point, index, all): Step => {
        const before = all[index - 1] ?? points[0]!;
        const slope = (point.loss - before.loss) / (point.count - before.count);
        return { curve, point, slope };
      }),
  );
  // Slopes of a hull ascend, so that a layer's steps stay in order.
  steps.sort((a, b) => a.slope - b.slope || a.curve - b.curve);
  let left = total;
  for (const { curve, point } of steps) {
    if (left <= 0) break;
    const most = point.count - counts[curve]!;
    // Less than all of a first step may be less than the pattern allows.
    const taken = counts[curve] === 0 ? most : Math.min(most, left);
    counts[curve]! += taken;
    left -= taken;
  }
  return counts;
}

/** The points on the lower convex hull, the first included. */
function hull(points: readonly Point[]): readonly Point[] {
  const kept: Point[] = [];
  for (const point of points) {
    const last = kept.at(-1);
    if (last !== undefined && point.count <= last.count) continue;
    while (kept.length > 1 && !isBelow(kept.at(-2)!, kept.at(-1)!, point)) kept.pop();
    kept.push(point);
  }
  return kept;
}

function isBelow(a: Point, middle: Point, b: Point): boolean {
  return (
    (middle.loss - a.loss) * (b.count - a.count) < (b.loss - a.loss) * (middle.count - a.count)
  );
}
