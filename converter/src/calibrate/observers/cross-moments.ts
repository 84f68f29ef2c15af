import { UNKNOWN_DIM } from '@linnet/schema';
import type { Observer } from '../observer.js';
import type { ProbeGraph } from '../probe-graph.js';
import {
  addTo,
  crossProduct,
  type InputRows,
  inputRows,
  rowsByGroup,
  sumOfRows,
} from './moments.js';

/** What a node's result is added to, in both places: tensors with as many channels as it has. */
export type Skips = readonly [x: number, y: number];

/**
 * Second moments of the inputs of two nodes of the same op and shapes: rows X that the weights of one are
 * multiplied by, and rows Y of the other from the same samples, as described at InputMoments; and those of
 * X with D, what the second node's result is added to less what the first one's is.
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
  /** Sums of D [channels], and X^T D [inner, channels]; empty without skips. */
  sumD = new Float64Array();
  xd = new Float64Array();

  /**
   * @param nodes indices of the two in the model
   * @param skips of nodes with one group, whose rows are all that they see, one after the other
   */
  constructor(
    readonly nodes: readonly [x: number, y: number],
    readonly skips: Skips | undefined,
  ) {}

  probe(graph: ProbeGraph): readonly number[] {
    const [x, y] = this.nodes.map((node) => inputRows(graph, node)) as [InputRows, InputRows];
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
      ...this.#probeSkips(graph, x),
    ];
  }

  update([first, ...parts]: readonly Float32Array[]): void {
    this.rows += first!.length;
    const totals = [this.sumX, this.sumY, this.xx, this.xy, this.yy, this.sumD, this.xd];
    for (const [index, part] of parts.entries()) addTo(totals[index]!, part);
  }

  #probeSkips(graph: ProbeGraph, { rows, inner, step }: InputRows): readonly number[] {
    if (this.skips === undefined) return [];
    const [own, other] = this.skips.map((tensor) => graph.real(tensor)) as [number, number];
    const { shape } = graph.tensor(own);
    const channels = shape.at(-1)!;
    this.sumD = new Float64Array(channels);
    this.xd = new Float64Array(inner * channels);
    const difference = graph.op('SUB', [other, own], {}, shape);
    const all = graph.reshape(difference, [UNKNOWN_DIM, channels]);
    const sampled = graph.every(all, [step, 1]);
    return [
      sumOfRows(graph, sampled, channels),
      graph.op('BATCH_MATMUL', [rows, sampled], { adjX: true }, [inner, channels]),
    ];
  }
}
