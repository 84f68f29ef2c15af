import type { Layer } from './layers.js';
import { type LayerMethod, methodFor } from './method.js';
import type { Pattern } from './pattern.js';
import { Curvature } from './second-order.js';
import type { TwinStatistics } from './twin.js';

/** A layer whose inputs have changed, as one that would undo the change. */
export interface Retargeted {
  /** With the weights that give, from the inputs as they are, outputs nearest to the ones there were. */
  readonly method: LayerMethod;
  /** The bias for some weights, which keeps the outputs' means. */
  bias(before: Float32Array, weights: Float32Array): Float32Array;
  /** The squared error of the outputs that weights give, relative to the squares of those there were. */
  error(weights: Float32Array): number;
}

/**
 * Solves min |X W^T - Y V^T|^2 for the weights V that a layer had, Y the inputs that it had and X those it
 * has now that earlier layers are pruned. Errors of earlier layers are made up for as far as can be.
 */
export function retarget(layer: Layer, pattern: Pattern, twin: TwinStatistics): Retargeted {
  const { rows, columns, groups, weights, bias } = layer;
  const isCentred = bias !== undefined;
  const size = weights.length / groups;
  const parts = Array.from({ length: groups }, (_, group) => {
    const part = (all: Float64Array) => all.slice(group * columns ** 2, (group + 1) * columns ** 2);
    const means = [twin.meanX, twin.meanY].map((all) =>
      all.subarray(group * columns, (group + 1) * columns),
    ) as [Float64Array, Float64Array];
    const centre = (matrix: Float64Array, a: Float64Array, b: Float64Array) => {
      if (!isCentred) return matrix;
      for (let i = 0; i < columns; i++) {
        for (let j = 0; j < columns; j++) matrix[i * columns + j]! -= twin.rows * a[i]! * b[j]!;
      }
      return matrix;
    };
    const [x, y] = means;
    return {
      xx: centre(part(twin.xx), x, x),
      xy: centre(part(twin.xy), x, y),
      yy: centre(part(twin.yy), y, y),
      x,
      y,
    };
  });
  const target = new Float32Array(weights.length);
  parts.forEach(({ xx, xy }, group) => {
    const curvature = new Curvature(xx, columns);
    const solved = new Float64Array(size);
    for (let at = 0; at < size; at += columns) {
      const own = weights.subarray(group * size + at, group * size + at + columns);
      const product = times(xy, own);
      for (let i = 0; i < columns; i++) solved[at + i] = product[i]! + curvature.damping * own[i]!;
    }
    curvature.solve(solved);
    target.set(solved, group * size);
  });
  const xx = new Float64Array(twin.xx.length);
  for (const [group, part] of parts.entries()) xx.set(part.xx, group * columns ** 2);
  // What is centred already is not to be centred again.
  const moved: Layer = { ...layer, weights: target, bias: undefined };
  const statistics = {
    rows: twin.rows,
    mean: twin.meanX,
    squares: diagonal(xx, columns),
    gram: xx,
  };
  return {
    method: methodFor('obs', moved, pattern, statistics),
    bias(before, changed) {
      return before.map((value, row) => {
        const { x, y } = parts[Math.floor((row * groups) / rows)]!;
        let lost = 0;
        for (let i = 0; i < columns; i++) {
          const at = row * columns + i;
          lost += weights[at]! * y[i]! - changed[at]! * x[i]!;
        }
        return value + lost;
      });
    },
    error(changed) {
      let [error, energy] = [0, 0];
      for (let row = 0; row < rows; row++) {
        const part = parts[Math.floor((row * groups) / rows)]!;
        const [old, own] = [weights, changed].map((all) =>
          all.subarray(row * columns, (row + 1) * columns),
        ) as [Float32Array, Float32Array];
        const meant = dot(times(part.yy, old), old);
        energy += meant;
        error += dot(times(part.xx, own), own) - 2 * dot(times(part.xy, old), own) + meant;
      }
      return energy > 0 ? Math.max(0, error) / energy : 0;
    },
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
