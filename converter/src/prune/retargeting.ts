import { multiplyRows } from '../linear-algebra.js';
import type { Layer } from './layers.js';
import { byCurvature, type LayerMethod } from './method.js';
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
  /** The products of the outputs that there were with the inputs: V Y^T X [rows, columns], centred. */
  readonly #wanted: Float64Array;
  #ofAllColumns: readonly Curvature[] | undefined;

  constructor(
    readonly layer: Layer,
    readonly twin: TwinStatistics,
  ) {
    this.#groups = Array.from({ length: layer.groups }, (_, group) =>
      momentsOf(layer, twin, group),
    );
    this.#wanted = this.#times(({ xy }) => xy, layer.weights);
  }

  get #curvatures(): readonly Curvature[] {
    const { layer, twin } = this;
    this.#ofAllColumns ??= this.#groups.map(
      ({ xx }) => new Curvature(xx, layer.columns, twin.rows),
    );
    return this.#ofAllColumns;
  }

  /** The weights that give, from the inputs as they are, outputs nearest to the ones there were. */
  weights(): Float32Array {
    const { columns, groups, weights } = this.layer;
    const all = Array.from({ length: columns }, (_, i) => i);
    const size = weights.length / groups;
    const target = new Float32Array(weights.length);
    for (const [group, curvature] of this.#curvatures.entries()) {
      target.set(this.#solve(curvature, group, all, weights), group * size);
    }
    return target;
  }

  /** The layer with these weights, to be pruned. */
  method(pattern: Pattern): LayerMethod {
    const moved: Layer = { ...this.layer, weights: this.weights() };
    return byCurvature(moved, pattern, this.#curvatures);
  }

  /** The weights that are not zero now, such that the outputs are nearest to the ones there were. */
  async fitted(current: Float32Array): Promise<Float32Array> {
    const { columns, rows, groups } = this.layer;
    const wanted = this.weights();
    const size = wanted.length / groups;
    const result = new Float32Array(wanted.length);
    for (const [group, curvature] of this.#curvatures.entries()) {
      const [start, end] = [group * size, (group + 1) * size];
      const matrix = { rows: rows / groups, columns, values: wanted.subarray(start, end) };
      result.set(await curvature.fit(matrix, current.subarray(start, end)), start);
    }
    return result;
  }

  /**
   * The weights of some columns, the others being zero, that give outputs nearest to the ones there were.
   *
   * @param current weights to stay near to where the inputs say little; the layer has one group
   */
  refit(current: Float32Array, kept: readonly number[]): Float32Array {
    const { weights, columns } = this.layer;
    const { xx } = this.#groups[0]!;
    const size = kept.length;
    const gram = new Float64Array(size * size);
    for (const [i, a] of kept.entries()) {
      for (const [j, b] of kept.entries()) gram[i * size + j] = xx[a * columns + b]!;
    }
    const curvature = new Curvature(gram, size, this.twin.rows);
    const solved = this.#solve(curvature, 0, kept, current);
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
    const { weights } = this.layer;
    const before = this.#times(({ yy }) => yy, weights);
    const now = this.#times(({ xx }) => xx, changed);
    let [error, energy] = [0, 0];
    for (const [at, weight] of weights.entries()) {
      const meant = before[at]! * weight;
      energy += meant;
      error += (now[at]! - 2 * this.#wanted[at]!) * changed[at]! + meant;
    }
    return energy > 0 ? Math.max(0, error) / energy : 0;
  }

  #ofRow(row: number): Moments {
    const { rows, groups } = this.layer;
    return this.#groups[Math.floor((row * groups) / rows)]!;
  }

  /** Each group's weights times one of its matrices: [rows, columns]. */
  #times(matrixOf: (moments: Moments) => Float64Array, weights: Float32Array): Float64Array {
    const size = weights.length / this.#groups.length;
    const products = new Float64Array(weights.length);
    for (const [group, moments] of this.#groups.entries()) {
      const own = weights.subarray(group * size, (group + 1) * size);
      products.set(multiplyRows(matrixOf(moments), own, this.layer.columns), group * size);
    }
    return products;
  }

  /**
   * A group's weights [rows, kept] of some columns, by the damped normal equations.
   *
   * @param curvature of these columns
   * @param current all weights, to stay near to
   */
  #solve(
    curvature: Curvature,
    group: number,
    kept: readonly number[],
    current: Float32Array,
  ): Float64Array {
    const { columns, rows, groups } = this.layer;
    const size = kept.length;
    const own = rows / groups;
    const solved = new Float64Array(own * size);
    for (let i = 0; i < own; i++) {
      const row = group * own + i;
      for (const [j, column] of kept.entries()) {
        const at = row * columns + column;
        solved[i * size + j] =
          this.#wanted[at]! + this.#skipped(row, column) + curvature.damping * current[at]!;
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
