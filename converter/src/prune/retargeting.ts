import type { Layer } from './layers.js';
import { type LayerMethod, methodFor } from './method.js';
import type { Pattern } from './pattern.js';
import { Curvature } from './second-order.js';
import type { TwinStatistics } from './twin.js';

/** Centred second moments of one group's inputs, and their means. */
interface Moments {
  readonly xx: Float64Array;
  readonly xy: Float64Array;
  readonly yy: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/**
 * A layer whose inputs have changed, as one that would undo the change: min |X W^T - Y V^T|^2 for the
 * weights V that the layer had, Y the inputs that it had and X those it has now that earlier layers are
 * pruned. Errors of earlier layers are made up for as far as can be; those of what the layer's result is
 * added to, too: then the target is Y V^T + D.
 */
export class Retargeting {
  readonly #groups: readonly Moments[];

  constructor(
    readonly layer: Layer,
    readonly twin: TwinStatistics,
  ) {
    this.#groups = Array.from({ length: layer.groups }, (_, group) =>
      momentsOf(layer, twin, group),
    );
  }

  /** The weights that give, from the inputs as they are, outputs nearest to the ones there were. */
  weights(): Float32Array {
    const { columns, groups, weights } = this.layer;
    const target = new Float32Array(weights.length);
    const size = weights.length / groups;
    const all = Array.from({ length: columns }, (_, i) => i);
    for (const [group, moments] of this.#groups.entries()) {
      const own = weights.subarray(group * size, (group + 1) * size);
      target.set(this.#solve(moments, all, own, own), group * size);
    }
    return target;
  }

  /** The layer with these weights, to be pruned. */
  method(pattern: Pattern): LayerMethod {
    const { layer, twin } = this;
    const { columns } = layer;
    const xx = new Float64Array(twin.xx.length);
    for (const [group, moments] of this.#groups.entries()) xx.set(moments.xx, group * columns ** 2);
    // What is centred already is not to be centred again.
    const moved: Layer = { ...layer, weights: this.weights(), bias: undefined };
    const statistics = {
      rows: twin.rows,
      mean: twin.meanX,
      squares: diagonal(xx, columns),
      gram: xx,
    };
    return methodFor('obs', moved, pattern, statistics);
  }

  /**
   * The weights of some columns, the others being zero, that give outputs nearest to the ones there were.
   *
   * @param current weights to stay near to where the inputs say little; the layer has one group
   */
  refit(current: Float32Array, kept: readonly number[]): Float32Array {
    const { weights, columns } = this.layer;
    const solved = this.#solve(this.#groups[0]!, kept, weights, current);
    const result = new Float32Array(weights.length);
    for (let row = 0; row * columns < weights.length; row++) {
      for (const [i, column] of kept.entries()) {
        result[row * columns + column] = solved[row * kept.length + i]!;
      }
    }
    return result;
  }

  /** The bias for some weights, which keeps the outputs' means. */
  bias(before: Float32Array, changed: Float32Array): Float32Array {
    const { weights, columns } = this.layer;
    return before.map((value, row) => {
      const { x, y } = this.#ofRow(row);
      let lost = 0;
      for (let i = 0; i < columns; i++) {
        const at = row * columns + i;
        lost += weights[at]! * y[i]! - changed[at]! * x[i]!;
      }
      return value + lost + (this.twin.skip?.meanD[row] ?? 0);
    });
  }

  /** X^T D of a column and an output, centred. */
  #skipped(row: number, column: number): number {
    const { layer, twin } = this;
    if (twin.skip === undefined) return 0;
    const { meanD, xd } = twin.skip;
    const raw = xd[column * layer.rows + row]!;
    return layer.bias === undefined ? raw : raw - twin.rows * twin.meanX[column]! * meanD[row]!;
  }

  /** The squared error of the outputs that weights give, relative to the squares of those there were. */
  error(changed: Float32Array): number {
    const { rows, columns, weights } = this.layer;
    let [error, energy] = [0, 0];
    for (let row = 0; row < rows; row++) {
      const { xx, xy, yy } = this.#ofRow(row);
      const [old, own] = [weights, changed].map((all) =>
        all.subarray(row * columns, (row + 1) * columns),
      ) as [Float32Array, Float32Array];
      const meant = dot(times(yy, old), old);
      energy += meant;
      error += dot(times(xx, own), own) - 2 * dot(times(xy, old), own) + meant;
    }
    return energy > 0 ? Math.max(0, error) / energy : 0;
  }

  #ofRow(row: number): Moments {
    const { rows, groups } = this.layer;
    return this.#groups[Math.floor((row * groups) / rows)]!;
  }

  /** Weights [rows, kept] of some columns, by the damped normal equations. */
  #solve(
    { xx, xy }: Moments,
    kept: readonly number[],
    weights: Float32Array,
    current: Float32Array,
  ): Float64Array {
    const { columns } = this.layer;
    const size = kept.length;
    const gram = new Float64Array(size * size);
    for (const [i, a] of kept.entries()) {
      for (const [j, b] of kept.entries()) gram[i * size + j] = xx[a * columns + b]!;
    }
    const curvature = new Curvature(gram, size, this.twin.rows);
    const solved = new Float64Array((weights.length / columns) * size);
    for (let row = 0; row * columns < weights.length; row++) {
      const start = row * columns;
      const product = times(xy, weights.subarray(start, start + columns));
      for (const [i, column] of kept.entries()) {
        solved[row * size + i] =
          product[column]! +
          this.#skipped(row, column) +
          curvature.damping * current[start + column]!;
      }
    }
    curvature.solve(solved);
    return solved;
  }
}

function momentsOf(layer: Layer, twin: TwinStatistics, group: number): Moments {
  const { columns, bias } = layer;
  const means = [twin.meanX, twin.meanY].map((all) =>
    all.subarray(group * columns, (group + 1) * columns),
  );
  const [x, y] = means as [Float64Array, Float64Array];
  const centred = (all: Float64Array, a: Float64Array, b: Float64Array) => {
    const matrix = all.slice(group * columns ** 2, (group + 1) * columns ** 2);
    if (bias === undefined) return matrix;
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++) matrix[i * columns + j]! -= twin.rows * a[i]! * b[j]!;
    }
    return matrix;
  };
  return {
    xx: centred(twin.xx, x, x),
    xy: centred(twin.xy, x, y),
    yy: centred(twin.yy, y, y),
    x,
    y,
  };
}

function times(matrix: Float64Array, vector: Float32Array): Float64Array {
  const n = vector.length;
  const product = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += matrix[i * n + j]! * vector[j]!;
    product[i] = sum;
  }
  return product;
}

function dot(a: Float64Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** The diagonals of matrices [groups, n, n]. */
function diagonal(matrices: Float64Array, n: number): Float64Array {
  return new Float64Array(matrices.length / n).map((_, i) => matrices[i * n + (i % n)]!);
}
