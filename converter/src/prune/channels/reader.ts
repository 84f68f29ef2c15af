import { inverseFactor, squareOfUpper } from '../../linear-algebra.js';
import type { ClassId } from './classes.js';
import type { LayerChannels } from './map.js';

/** Second derivatives of a layer's squared error by its weights, the same for each row. */
export type Hessian =
  | { readonly kind: 'full'; readonly inverse: Float64Array }
  | { readonly kind: 'diagonal'; readonly values: Float64Array };

/**
 * A layer as its inputs' channels go: weights that make up for those that went, and what it would lose
 * with each of the channels that are left.
 *
 * The optimal brain surgeon for sets of columns C: the squared error grows by tr(W_C K W_C^T) with
 * K = ((H^-1)_CC)^-1, W becomes W - W_C K (H^-1)_C and H^-1 becomes H^-1 - (H^-1)_C^T K (H^-1)_C.
 * Source: Hassibi and Stork 1993; Kurtic et al. 2022, arXiv:2203.07259 (sets).
 */
export class ChannelReader {
  /** [rows, columns]. */
  readonly weights: Float64Array;
  readonly #columns = new Map<ClassId, number[]>();
  readonly #rows = new Map<ClassId, number[]>();
  readonly #liveRows: Set<number>;
  #columnsLeft: number;

  /** @param importance what the model loses for each unit of the layer's squared error */
  constructor(
    readonly channels: LayerChannels,
    readonly hessian: Hessian,
    readonly importance: number,
  ) {
    const { layer, rows, columns } = channels;
    this.weights = Float64Array.from(layer.weights);
    collect(this.#columns, columns);
    collect(this.#rows, rows);
    this.#liveRows = new Set(rows.keys());
    this.#columnsLeft = columns.length;
  }

  /** The classes that the layer's inputs are of. */
  get reads(): Iterable<ClassId> {
    return this.#columns.keys();
  }

  get size(): number {
    return this.#liveRows.size * this.#columnsLeft;
  }

  /** The columns that are left. */
  get kept(): readonly number[] {
    return [...this.#columns.values()].flat().sort((a, b) => a - b);
  }

  /** How many weights go with a class, as rows and as columns. */
  weightsOf(id: ClassId): number {
    const rows = this.#liveRows.size - (this.#rows.get(id)?.length ?? 0);
    const columns = this.#columnsLeft - (this.#columns.get(id)?.length ?? 0);
    return this.size - rows * columns;
  }

  /** What is lost without the inputs of a class. */
  loss(id: ClassId): number {
    const own = this.#columns.get(id);
    if (own === undefined) return 0;
    const { weights } = this;
    const n = this.channels.columns.length;
    const k = this.#curvature(own);
    let sum = 0;
    for (const row of this.#liveRows) {
      for (const [i, a] of own.entries()) {
        for (const [j, b] of own.entries()) {
          sum += weights[row * n + a]! * k[i * own.length + j]! * weights[row * n + b]!;
        }
      }
    }
    return this.importance * Math.max(0, sum);
  }

  /** Takes the inputs of a class away, and the outputs that are of it. */
  remove(id: ClassId): void {
    for (const row of this.#rows.get(id) ?? []) this.#liveRows.delete(row);
    this.#rows.delete(id);
    const own = this.#columns.get(id);
    if (own === undefined) return;
    this.#columns.delete(id);
    this.#columnsLeft -= own.length;
    const n = this.channels.columns.length;
    if (this.hessian.kind === 'full') this.#makeUp(own, this.hessian.inverse, n);
    for (let row = 0; row < this.weights.length; row += n) {
      for (const column of own) this.weights[row + column] = 0;
    }
  }

  #makeUp(own: readonly number[], inverse: Float64Array, n: number): void {
    const k = this.#curvature(own);
    // K (H^-1)_C: [columns that go, columns].
    const spread = new Float64Array(own.length * n);
    for (const i of own.keys()) {
      for (const [j, from] of own.entries()) {
        const by = k[i * own.length + j]!;
        for (let c = 0; c < n; c++) spread[i * n + c]! += by * inverse[from * n + c]!;
      }
    }
    const subtract = (matrix: Float64Array, row: number, factors: Float64Array) => {
      for (const [i, by] of factors.entries()) {
        if (by === 0) continue;
        for (let c = 0; c < n; c++) matrix[row * n + c]! -= by * spread[i * n + c]!;
      }
    };
    for (const row of this.#liveRows) {
      subtract(
        this.weights,
        row,
        Float64Array.from(own, (column) => this.weights[row * n + column]!),
      );
    }
    for (let row = 0; row < n; row++) {
      subtract(
        inverse,
        row,
        Float64Array.from(own, (column) => inverse[row * n + column]!),
      );
    }
  }

  /** K of some columns. */
  #curvature(own: readonly number[]): Float64Array {
    const { hessian } = this;
    const size = own.length;
    const block = new Float64Array(size * size);
    if (hessian.kind === 'diagonal') {
      for (const [i, column] of own.entries()) block[i * size + i] = hessian.values[column]!;
      return block;
    }
    const n = this.channels.columns.length;
    for (const [i, a] of own.entries()) {
      for (const [j, b] of own.entries()) block[i * size + j] = hessian.inverse[a * n + b]!;
    }
    return squareOfUpper(inverseFactor(block, size)!, size);
  }
}

function collect(into: Map<ClassId, number[]>, classes: readonly ClassId[]): void {
  for (const [index, id] of classes.entries()) {
    const known = into.get(id);
    if (known === undefined) into.set(id, [index]);
    else known.push(index);
  }
}
