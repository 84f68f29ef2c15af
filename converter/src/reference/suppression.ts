import type { TensorType } from '@linnet/schema';
import type { ReferenceFamily, ReferenceSite } from './kernel.js';
import { fromReals, indices, reals, required } from './values.js';

/** Intersection over union of boxes i and j, each [y1, x1, y2, x2] by any two opposite corners. */
function overlap(boxes: ArrayLike<number>, i: number, j: number): number {
  const side = (box: number, axis: number) => {
    const [a, b] = [boxes[4 * box + axis]!, boxes[4 * box + axis + 2]!];
    return a < b ? ([a, b] as const) : ([b, a] as const);
  };
  const area = (box: number) => {
    const [[top, bottom], [left, right]] = [side(box, 0), side(box, 1)];
    return (bottom - top) * (right - left);
  };
  if (area(i) <= 0 || area(j) <= 0) return 0;
  const shared = (axis: number) =>
    Math.max(
      0,
      Math.min(side(i, axis)[1], side(j, axis)[1]) - Math.max(side(i, axis)[0], side(j, axis)[0]),
    );
  const intersection = shared(0) * shared(1);
  return intersection / (area(i) + area(j) - intersection);
}

interface Selection {
  readonly box: number;
  readonly score: number;
}

/**
 * Greedy choice of the best-scored boxes. A box that overlaps a chosen one by the threshold or more
 * is dropped; with sigma > 0 a smaller overlap lowers its score by exp(-overlap^2 / (2 sigma))
 * (soft NMS, Bodla et al. 2017). Of equal scores the box with the lower index goes first.
 */
function suppress(
  boxes: ArrayLike<number>,
  scores: ArrayLike<number>,
  limit: number,
  overlapThreshold: number,
  scoreThreshold: number,
  sigma: number,
): Selection[] {
  let candidates = Array.from(scores, (score, box) => ({ box, score, compared: 0 })).filter(
    ({ score }) => score > scoreThreshold,
  );
  const chosen: Selection[] = [];
  while (chosen.length < limit && candidates.length > 0) {
    const next = candidates.reduce((best, c) =>
      c.score > best.score || (c.score === best.score && c.box < best.box) ? c : best,
    );
    candidates = candidates.filter((candidate) => candidate !== next);
    let { score } = next;
    let dropped = false;
    for (let k = chosen.length - 1; k >= next.compared && score > scoreThreshold; k--) {
      const shared = overlap(boxes, next.box, chosen[k]!.box);
      if (shared >= overlapThreshold) dropped = true;
      if (dropped) break;
      if (sigma > 0) score *= Math.exp((-0.5 / sigma) * shared * shared);
    }
    if (dropped) continue;
    if (score === next.score) chosen.push({ box: next.box, score });
    else if (score > scoreThreshold) candidates.push({ ...next, score, compared: chosen.length });
  }
  return chosen;
}

function select({
  inputs,
}: ReferenceSite<'NON_MAX_SUPPRESSION_V4' | 'NON_MAX_SUPPRESSION_V5'>): readonly Selection[] {
  const scalar = (index: number) => reals(required(inputs, index))[0]!;
  return suppress(
    reals(required(inputs, 0)),
    reals(required(inputs, 1)),
    indices(required(inputs, 2))[0]!,
    scalar(3),
    scalar(4),
    inputs[5] ? scalar(5) : 0,
  );
}

/** A vector of the output's length: the values, then zeros. */
function padded(type: TensorType, values: readonly number[]) {
  const length = type.shape[0]!;
  return fromReals(
    type,
    Float64Array.from({ length }, (_, i) => values[i] ?? 0),
  );
}

/** Outputs of a fixed length, padded with zeros, and the number of boxes chosen. */
export const SUPPRESSION: ReferenceFamily<'NON_MAX_SUPPRESSION_V4' | 'NON_MAX_SUPPRESSION_V5'> = {
  NON_MAX_SUPPRESSION_V4: (site) => {
    const chosen = select(site);
    const [boxes, count] = site.outputs;
    return [
      padded(
        boxes!,
        chosen.map(({ box }) => box),
      ),
      fromReals(count!, [chosen.length]),
    ];
  },

  NON_MAX_SUPPRESSION_V5: (site) => {
    const chosen = select(site);
    const [boxes, scores, count] = site.outputs;
    return [
      padded(
        boxes!,
        chosen.map(({ box }) => box),
      ),
      padded(
        scores!,
        chosen.map(({ score }) => score),
      ),
      fromReals(count!, [chosen.length]),
    ];
  },
};
