import { loadModel, type Model } from '@linnet/runtime-web';
import { emit } from '../emit/index.js';
import { GraphBuilder } from '../graph/builder.js';
import { elementBytes } from '../graph/constant.js';

/** Multiplies rows by a symmetric matrix in float32, with the runtime's kernels. */
export class RowProduct {
  private constructor(
    readonly model: Model,
    readonly n: number,
  ) {}

  /** @param matrix [n, n], symmetric */
  static async with(matrix: Float32Array, n: number): Promise<RowProduct> {
    const builder = new GraphBuilder('product');
    const rows = builder.input('rows', { dtype: 'float32', shape: [-1, n] });
    const type = { dtype: 'float32', shape: [n, n] } as const;
    const factor = builder.constant('matrix', type, elementBytes(matrix));
    const graph = builder.finish(builder.add('FULLY_CONNECTED', [rows, factor, null]));
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
