import { LinnetError } from '@linnet/schema';
import { modePrecision, PRECISIONS, type Precision, type QuantizeMode } from '../quantize/index.js';
import { type Budget, excesses, type Measured } from './budget.js';
import type { Judge } from './judge.js';
import { type Assignment, type Layer, layersOf } from './layers.js';

/** What one layer in one precision costs, with all else in float32. */
export interface Sensitivity {
  readonly layer: string;
  readonly precision: Precision;
  /** Power of the error over that of the outputs. */
  readonly error: number;
  /** Bytes that the file gets smaller by. */
  readonly saved: number;
}

/** A model that was measured, by the number of its layers in each precision. */
export interface ParetoPoint extends Measured {
  readonly layers: { readonly [P in Precision]?: number };
  readonly chosen: boolean;
}

export interface PrecisionChoice {
  readonly assignment: Assignment;
  readonly measured: Measured;
  readonly sensitivities: readonly Sensitivity[];
  /** From the largest to the smallest, without those that others beat in both size and error. */
  readonly pareto: readonly ParetoPoint[];
}

/** Points of the way from the most exact to the smallest model that are measured for the table. */
const POINTS = 5;

/** The precisions that layers may get in a mode, which all have its activations, or floats. */
export function candidatesOf(mode: QuantizeMode): readonly Precision[] {
  const { activations } = PRECISIONS[modePrecision(mode)];
  return (Object.keys(PRECISIONS) as Precision[]).filter((precision) => {
    const own = PRECISIONS[precision];
    const isWide = own.weights === 'float32' || own.weights === 'float16';
    return own.activations === activations || isWide;
  });
}

/**
 * Picks a precision for each layer: the most exact model within the budget's size, or else the smallest
 * within its error.
 *
 * First each layer is measured alone in each precision. From the most exact of all, layers then change
 * to the smaller precision which adds the least error for the bytes that it saves, one after the other.
 * On this way the model is searched that keeps to the budget, and measured as a whole.
 *
 * @throws LinnetError INVALID_ARGUMENT when no model on the way keeps to the budget, saying how near the
 *   best came, or when it limits the drop of a score that there is not
 */
export async function choosePrecisions(
  judge: Judge,
  mode: QuantizeMode,
  budget: Budget,
): Promise<PrecisionChoice> {
  if (budget.accuracyDrop !== undefined && !judge.hasScore) {
    throw new LinnetError('INVALID_ARGUMENT', 'accuracy-drop has nothing to go by', {}, [
      'The model gives single numbers, not scores of classes: use sqnr>=30, or a metric of your own.',
    ]);
  }
  const layers = layersOf(judge.graph);
  const candidates = candidatesOf(mode);
  const costs = await layerCosts(judge, layers, candidates);
  const others = modePrecision(mode);
  const way = exactToSmall(layers, costs);
  const known = new Map<number, Measured>();
  const at = async (step: number): Promise<Measured> => {
    const found =
      known.get(step) ??
      (await judge.measureModels([{ assignment: way[step]!, others }], 'whole models'))[0]!;
    known.set(step, found);
    return found;
  };
  const last = way.length - 1;
  for (let i = 0; i < POINTS; i++) await at(Math.round((i * last) / (POINTS - 1)));
  const bytes = (step: number) => judge.bytes({ assignment: way[step]!, others });
  const { size, ...quality } = budget;
  const fits = async (step: number) => excesses(quality, await at(step)).length === 0;
  const step =
    size !== undefined
      ? await firstWhere(0, last, async (step) => bytes(step) <= size)
      : (await firstWhere(0, last + 1, async (step) => step > last || !(await fits(step)))) - 1;
  const uniform = await judge.measureModels(
    candidates.map((precision) => ({ assignment: all(layers, precision), others })),
    'uniform models',
  );
  const best = Math.min(last, Math.max(0, step));
  const measured = await at(best);
  const points = [
    ...candidates.map((precision, i) => pointOf(all(layers, precision), uniform[i]!, false)),
    ...[...known].map(([own, found]) => pointOf(way[own]!, found, own === best)),
  ];
  const missed = excesses(budget, measured);
  if (missed.length > 0) throw cannotBeMet(missed, points);
  return {
    assignment: way[best]!,
    measured,
    sensitivities: costs.flatMap((own, i) =>
      [...own].map(([precision, cost]) => ({ layer: layers[i]!.name, precision, ...cost })),
    ),
    pareto: undominated(points),
  };
}

interface Cost {
  readonly error: number;
  readonly saved: number;
}

/** By layer and precision, what it costs alone. */
async function layerCosts(
  judge: Judge,
  layers: readonly Layer[],
  candidates: readonly Precision[],
): Promise<readonly ReadonlyMap<Precision, Cost>[]> {
  const others = 'float32';
  const whole = judge.bytes({ assignment: new Map(), others });
  const narrow = candidates.filter((precision) => precision !== 'float32');
  const trials = layers.flatMap((layer) =>
    narrow.map((precision) => ({ assignment: new Map([[layer, precision]]), others }) as const),
  );
  const errors = await judge.errors(trials, 'layers');
  return layers.map((_, i) => {
    const costs = new Map<Precision, Cost>([['float32', { error: 0, saved: 0 }]]);
    for (const [j, precision] of narrow.entries()) {
      const at = i * narrow.length + j;
      costs.set(precision, { error: errors[at]!, saved: whole - judge.bytes(trials[at]!) });
    }
    return costs;
  });
}

/** Assignments from the most exact one, with one layer's precision made smaller at each step. */
function exactToSmall(
  layers: readonly Layer[],
  costs: readonly ReadonlyMap<Precision, Cost>[],
): readonly Assignment[] {
  let current: Assignment = all(layers, 'float32');
  const way = [current];
  for (;;) {
    let best: { layer: Layer; precision: Precision; price: number } | undefined;
    for (const [i, layer] of layers.entries()) {
      const own = costs[i]!;
      const now = own.get(current.get(layer)!)!;
      for (const [precision, cost] of own) {
        const saved = cost.saved - now.saved;
        if (saved <= 0) continue;
        const price = Math.max(0, cost.error - now.error) / saved;
        if (best === undefined || price < best.price) best = { layer, precision, price };
      }
    }
    if (best === undefined) return way;
    current = new Map([...current, [best.layer, best.precision]]);
    way.push(current);
  }
}

function all(layers: readonly Layer[], precision: Precision): Assignment {
  return new Map(layers.map((layer) => [layer, precision]));
}

/** The first number in [low, high] for which something holds that holds from some number on; high where it never does. */
async function firstWhere(
  low: number,
  high: number,
  holds: (value: number) => Promise<boolean>,
): Promise<number> {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (await holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

function pointOf(assignment: Assignment, measured: Measured, chosen: boolean): ParetoPoint {
  const layers: { [P in Precision]?: number } = {};
  for (const precision of assignment.values()) layers[precision] = (layers[precision] ?? 0) + 1;
  return { ...measured, layers, chosen };
}

function undominated(points: readonly ParetoPoint[]): readonly ParetoPoint[] {
  const beats = (a: ParetoPoint, b: ParetoPoint) =>
    a.bytes <= b.bytes &&
    a.quality.error <= b.quality.error &&
    (a.bytes < b.bytes || a.quality.error < b.quality.error || a.chosen);
  return points
    .filter(
      (point) => point.chosen || !points.some((other) => other !== point && beats(other, point)),
    )
    .sort((a, b) => b.bytes - a.bytes);
}

function cannotBeMet(missed: readonly string[], points: readonly ParetoPoint[]): LinnetError {
  return new LinnetError(
    'INVALID_ARGUMENT',
    `the budget cannot be met: the best that was found has ${missed.join(', ')}`,
    {},
    [
      ...undominated(points).map(
        ({ bytes, quality, accuracyDrop, chosen }) =>
          `${bytes} bytes, ${quality.sqnr.toFixed(2)} dB` +
          (accuracyDrop === undefined ? '' : `, accuracy drop ${accuracyDrop.toFixed(2)}`) +
          (chosen ? ' (the best)' : ''),
      ),
      'Allow more, or recover accuracy with --recover auto.',
    ],
  );
}
