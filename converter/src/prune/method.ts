import { LinnetError } from '@linnet/schema';
import type { WeightMatrix } from './admm.js';
import type { Layer } from './layers.js';
import { type Pattern, Ranking, type Scores } from './pattern.js';
import { Curvature, type Effort, type PrunedWeights, squaredError } from './second-order.js';
import type { InputStatistics } from './statistics.js';

export type PruneMethod = 'magnitude' | 'wanda' | 'obs';

/** One layer's weights under a method that has been chosen for it. */
export interface LayerMethod {
  readonly name: PruneMethod;
  /** In which order the weights would go. */
  readonly ranking: Ranking;
  /** The weights with `count` of them zero, rounded as the pattern demands. */
  prune(count: number, effort: Effort): Promise<PrunedWeights>;
}

interface Method {
  /** What it has to know of a layer's inputs. */
  readonly needs: 'nothing' | 'squares' | 'gram';
  of(layer: Layer, pattern: Pattern, statistics: InputStatistics | undefined): LayerMethod;
}

/** How weights that go are chosen. */
const METHODS: Readonly<Record<PruneMethod, Method>> = {
  /** The smallest go. */
  magnitude: { needs: 'nothing', of: byMagnitude },
  /** Those go whose products with their inputs are the smallest. Source: arXiv:2306.11695. */
  wanda: {
    needs: 'squares',
    of: (layer, pattern, statistics) => {
      const { squares } = needed(statistics);
      return byScores('wanda', layer, pattern, (weight, input) => weight ** 2 * squares[input]!);
    },
  },
  /** Those go that the others can best make up for, which they then do. Sources: Splitting. */
  obs: { needs: 'gram', of: secondOrder },
};

/** `auto` is the best that what is known of a layer allows. */
export const PRUNE_METHODS = ['auto', ...(Object.keys(METHODS) as PruneMethod[])] as const;
export type PruneMethodChoice = (typeof PRUNE_METHODS)[number];

/** Whether a choice of method cannot do without samples. */
export function needsData(choice: PruneMethodChoice): boolean {
  return choice !== 'auto' && METHODS[choice].needs !== 'nothing';
}

/** Whether a choice of method makes use of Gram matrices. */
export function usesGram(choice: PruneMethodChoice): boolean {
  return choice === 'auto' || METHODS[choice].needs === 'gram';
}

/**
 * The method for a layer: the one chosen, but `wanda` in place of `obs` where the layer is too wide for
 * a Gram matrix, and for `auto` the first of obs, wanda and magnitude that has what it needs.
 */
export function methodFor(
  choice: PruneMethodChoice,
  layer: Layer,
  pattern: Pattern,
  statistics: InputStatistics | undefined,
): LayerMethod {
  const best = statistics === undefined ? 'magnitude' : statistics.gram === null ? 'wanda' : 'obs';
  const fits = choice !== 'auto' && (choice !== 'obs' || best === 'obs');
  return METHODS[fits ? choice : best].of(layer, pattern, statistics);
}

function needed(statistics: InputStatistics | undefined): InputStatistics {
  if (statistics !== undefined) return statistics;
  throw new LinnetError('INTERNAL', 'a pruning method that needs samples was given none');
}

function byMagnitude(layer: Layer, pattern: Pattern): LayerMethod {
  return byScores('magnitude', layer, pattern, (weight) => weight ** 2);
}

function byScores(
  name: PruneMethod,
  { weights, rows, columns, groups }: Layer,
  pattern: Pattern,
  score: (weight: number, input: number) => number,
): LayerMethod {
  const ofGroup = weights.length / groups;
  const values = weights.map((weight, at) =>
    score(weight, Math.floor(at / ofGroup) * columns + (at % columns)),
  );
  const ranking = new Ranking({ rows, columns, values }, pattern);
  return {
    name,
    ranking,
    async prune(count) {
      const mask = ranking.mask(count);
      return {
        weights: weights.map((weight, at) => (mask[at] === 1 ? weight : 0)),
        error: values.reduce((sum, value, at) => sum + (mask[at] === 1 ? 0 : value), 0),
      };
    },
  };
}

function secondOrder(
  layer: Layer,
  pattern: Pattern,
  statistics: InputStatistics | undefined,
): LayerMethod {
  const known = needed(statistics);
  const grams = centredGrams(layer, known);
  const curvatures = grams.map((gram) => new Curvature(gram, layer.columns, known.rows));
  return byCurvature(layer, pattern, curvatures);
}

/**
 * The method `obs`.
 *
 * @param curvatures of each group's inputs
 */
export function byCurvature(
  layer: Layer,
  pattern: Pattern,
  curvatures: readonly Curvature[],
): LayerMethod {
  const { rows, columns, weights } = layer;
  const size = weights.length / curvatures.length;
  const parts = curvatures.map((curvature, group) => {
    const values = weights.subarray(group * size, (group + 1) * size);
    const matrix: WeightMatrix = { rows: rows / curvatures.length, columns, values };
    return { matrix, curvature };
  });
  const values = new Float32Array(weights.length);
  parts.forEach(({ matrix, curvature }, group) => {
    values.set(curvature.scores(matrix).values, group * size);
  });
  const scores: Scores = { rows, columns, values };
  const ranking = new Ranking(scores, pattern);
  return {
    name: 'obs',
    ranking,
    async prune(count, effort) {
      const planned = ranking.mask(count);
      const pruned = new Float32Array(weights.length);
      let error = 0;
      for (const [group, { matrix, curvature }] of parts.entries()) {
        const own = planned.subarray(group * size, (group + 1) * size);
        const zeros = own.reduce((sum, stays) => sum + 1 - stays, 0);
        const part = await curvature.prune(matrix, pattern, zeros, effort);
        pruned.set(part.weights, group * size);
        error += part.error;
      }
      return { weights: pruned, error };
    },
  };
}

/** Gram matrices of each group's inputs, without their means where a bias can make up for those. */
export function centredGrams(
  { columns, groups, bias }: Layer,
  { gram, mean, rows }: InputStatistics,
): readonly Float64Array[] {
  return Array.from({ length: groups }, (_, group) => {
    const own = gram!.slice(group * columns ** 2, (group + 1) * columns ** 2);
    if (bias === undefined) return own;
    const means = mean.subarray(group * columns, (group + 1) * columns);
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++) own[i * columns + j]! -= rows * means[i]! * means[j]!;
    }
    return own;
  });
}

/** The squared error of a layer's outputs over the observed rows when it has other weights. */
export function weightedError(
  { weights, columns }: Layer,
  grams: readonly Float64Array[],
  other: Float32Array,
): number {
  const size = weights.length / grams.length;
  return grams.reduce((sum, gram, group) => {
    const [a, b] = [weights, other].map((all) => all.subarray(group * size, (group + 1) * size));
    return sum + squaredError(a!, b!, columns, gram);
  }, 0);
}
