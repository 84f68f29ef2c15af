import { loadModel, type Model } from '@linnet/runtime-web';
import { emit } from '../emit/index.js';
import { GraphBuilder } from '../graph/builder.js';
import { elementBytes } from '../graph/constant.js';
import type { TensorId } from '../graph/graph.js';

/** A symmetric matrix [n, n]: its elements; or a diagonal [n] plus or minus the square of columns [n, r]. */
export type Factor =
  | { readonly kind: 'dense'; readonly values: Float32Array }
  | {
      readonly kind: 'low-rank';
      readonly diagonal: Float64Array;
      readonly columns: Float64Array;
      readonly sign: 1 | -1;
    };

/** Multiplies rows by a symmetric matrix in float32, with the runtime's kernels. */
export class RowProduct {
  private constructor(
    readonly model: Model,
    readonly n: number,
  ) {}

  static async with(matrix: Factor, n: number): Promise<RowProduct> {
    const builder = new GraphBuilder('product');
    const rows = builder.input('rows', { dtype: 'float32', shape: [-1, n] });
    const product = addProduct(builder, rows, matrix, n);
    const graph = builder.finish([product]);
    const signature = { key: 'product', graph, inputNames: ['rows'], outputNames: ['products'] };
    const program = { graphs: [graph], signatures: [signature], metadata: [], description: '' };
    return new RowProduct(await loadModel(emit(program), { threads: 1 }), n);
  }

  /** Each of the rows [rows, n] times the matrix. */
  async of(rows: Float32Array): Promise<Float32Array> {
    const shape = [rows.length / this.n, this.n];
    const { products } = await this.model.run({ rows: { shape, data: rows } });
    return products!.data as Float32Array;
  }

  [Symbol.dispose](): void {
    this.model.dispose();
  }
}

/** Adds the product of rows with a matrix. */
function addProduct(builder: GraphBuilder, rows: TensorId, matrix: Factor, n: number): TensorId {
  const constant = (values: Float32Array, shape: readonly number[]) =>
    builder.constant('matrix', { dtype: 'float32', shape }, elementBytes(values));
  const times = (input: TensorId, values: Float32Array, outputs: number) => {
    const weights = constant(values, [outputs, values.length / outputs]);
    return builder.add('FULLY_CONNECTED', [input, weights, null])[0]!;
  };
  if (matrix.kind === 'dense') return times(rows, matrix.values, n);
  const { columns, diagonal, sign } = matrix;
  const r = columns.length / n;
  const transposed = Float32Array.from(
    columns,
    (_, at) => columns[(at % n) * r + Math.floor(at / n)]!,
  );
  const signed = Float32Array.from(columns, (value) => sign * value);
  const squared = times(times(rows, transposed, r), signed, n);
  const [scaled] = builder.add('MUL', [rows, constant(Float32Array.from(diagonal), [n])]);
  return builder.add('ADD', [scaled!, squared])[0]!;
}
