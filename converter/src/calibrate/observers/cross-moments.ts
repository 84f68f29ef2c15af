import type { Observer } from '../observer.js';
import type { ProbeGraph } from '../probe-graph.js';
import { addTo, crossProduct, inputRows, rowsByGroup, sumOfRows } from './moments.js';

/**
 * Second moments of the inputs of two nodes of the same op and shapes: rows X that the weights of one are
 * multiplied by, and rows Y of the other from the same samples, as described at InputMoments.
 */
export class CrossMoments implements Observer {
  rows = 0;
  /** Sums of X and Y: [groups, inner]. */
  sumX = new Float64Array();
  sumY = new Float64Array();
  /** X^T X, X^T Y and Y^T Y: [groups, inner, inner]. */
  xx = new Float64Array();
  xy = new Float64Array();
  yy = new Float64Array();

  /** @param nodes indices of the two in the model */
  constructor(readonly nodes: readonly [x: number, y: number]) {}

  probe(graph: ProbeGraph): readonly number[] {
    const [x, y] = this.nodes.map((node) => inputRows(graph, node)) as [
      ReturnType<typeof inputRows>,
      ReturnType<typeof inputRows>,
    ];
    const { groups, inner } = x;
    const width = groups * inner;
    [this.sumX, this.sumY] = [new Float64Array(width), new Float64Array(width)];
    [this.xx, this.xy, this.yy] = [0, 1, 2].map(() => new Float64Array(width * inner)) as [
      Float64Array<ArrayBuffer>,
      Float64Array<ArrayBuffer>,
      Float64Array<ArrayBuffer>,
    ];
    const [left, right] = [x, y].map(({ rows }) => rowsByGroup(graph, rows, groups, inner)) as [
      number,
      number,
    ];
    const product = (a: number, b: number) => crossProduct(graph, a, b, groups, inner);
    return [
      graph.every(x.rows, [1, width]),
      ...[x, y].map(({ rows }) => sumOfRows(graph, rows, width)),
      product(left, left),
      product(left, right),
      product(right, right),
    ];
  }

  update([first, ...parts]: readonly Float32Array[]): void {
    this.rows += first!.length;
    for (const [index, total] of [this.sumX, this.sumY, this.xx, this.xy, this.yy].entries()) {
      addTo(total, parts[index]!);
    }
  }
}
