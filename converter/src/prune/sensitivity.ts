import { throwIfAborted } from '../abort.js';
import type { Curve } from './allotment.js';
import type { HeldBack } from './held-back.js';
import type { PrunableLayer } from './prunable-layer.js';

/** Degrees of sparsity that are weighed against each other. */
const DEGREES = Array.from({ length: 100 }, (_, i) => i / 100);

/** What is lost at a degree of sparsity. */
interface Knot {
  readonly degree: number;
  readonly loss: number;
}

/** What a layer loses by its method's scores, as a part of its weights' squares. */
export function scoredCurve(layer: PrunableLayer): Curve {
  const counts = DEGREES.map((degree) => layer.count(degree));
  return { points: counts.map((count) => ({ count, loss: layer.loss(count) / layer.energy })) };
}

/** What is lost by pruning a layer alone. */
export interface MeasuredCurves {
  /** By what the model's outputs lose at each degree. */
  readonly whole: Curve;
  /**
   * By what the layer's own outputs lose, times what the model makes of it at one degree: alone, large errors cost
   * the model more than in proportion, which is less so where later layers make up for them.
   */
  readonly own: Curve;
}

/**
 * What pruning a layer alone does on samples that were held back: measured at degrees around `sparsity`, and
 * between these as losses grow, by a factor for each step.
 */
export async function measuredCurves(
  layer: PrunableLayer,
  sparsity: number,
  heldBack: HeldBack,
  signal: AbortSignal | undefined,
): Promise<MeasuredCurves> {
  const left = 1 - sparsity;
  const [whole, own]: [Knot[], Knot[]] = [[], []];
  let scale = 0;
  for (const degree of [sparsity / 2, sparsity, 1 - left / 2, 1 - left / 4]) {
    const count = layer.count(degree);
    if (count === 0) continue;
    throwIfAborted(signal);
    const error = await layer.apply(count, 'trial');
    const loss = await heldBack.error();
    if (degree === sparsity) scale = error > 0 ? loss / error : 0;
    whole.push({ degree, loss });
    own.push({ degree, loss: error });
  }
  await layer.apply(0);
  const scaled = own.map(({ degree, loss }) => ({ degree, loss: scale * loss }));
  return { whole: curveThrough(layer, whole), own: curveThrough(layer, scaled) };
}

function curveThrough(layer: PrunableLayer, knots: readonly Knot[]): Curve {
  const rising = ascending(knots);
  const degrees = DEGREES.filter((degree) => degree <= knots.at(-1)!.degree);
  return {
    points: degrees.map((degree) => {
      const count = layer.count(degree);
      return { count, loss: count === 0 ? 0 : between(rising, degree) };
    }),
  };
}

/** Knots whose losses do not fall: where few samples say they do, the mean stands for them. */
function ascending(knots: readonly Knot[]): readonly Knot[] {
  const pools: { readonly members: readonly Knot[]; readonly loss: number }[] = [];
  for (const knot of knots) {
    let members: readonly Knot[] = [knot];
    const mean = () => members.reduce((sum, { loss }) => sum + loss, 0) / members.length;
    while (pools.length > 0 && pools.at(-1)!.loss > mean()) {
      members = [...pools.pop()!.members, ...members];
    }
    pools.push({ members, loss: mean() });
  }
  return pools.flatMap(({ members, loss }) => members.map(({ degree }) => ({ degree, loss })));
}

/** Losses are the sums of scores, which grow with the square of a weight: with the cube of few weights' part. */
function between(knots: readonly Knot[], degree: number): number {
  const next = knots.findIndex((knot) => knot.degree >= degree);
  const above = knots[next]!;
  const below = knots[next - 1];
  if (below === undefined) return above.loss * (degree / above.degree) ** 3;
  if (below.loss <= 0 || above.loss <= 0) return above.loss;
  const part = (degree - below.degree) / (above.degree - below.degree);
  return below.loss * (above.loss / below.loss) ** part;
}
