/** Products of matrices that come in batches. */
import { activationOf } from '../../lower/activation.js';
import { broadcast, count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { perTensor } from '../../lower/quantization.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { walkCode } from '../wgsl/walk.js';
import type { IntegerShaders } from './integers.js';
import { isFloat, matrixRows } from './product.js';
import type { TiledProduct } from './tiles.js';
import { emitFloatTiles } from './tiles-f32.js';
import { rightSide } from './weights.js';

/** The first matrix of an item on the right side, by `params.w_item`. */
const START = 'y_item_at(item) * params.w_item';

/** The matrices of a site, x [..., rows, depth] as rows; batches are broadcast. */
function tilesOf(site: LowerSite<'BATCH_MATMUL'>): Omit<TiledProduct, 'arithmetic'> {
  const [x, y, output] = [inputOf(site, 0), inputOf(site, 1), outputOf(site)];
  const [rows, columns] = output.type.shape.slice(-2) as [number, number];
  const batch = ({ type }: Operand) => type.shape.slice(0, -2);
  const walk = walkCode(broadcast(batch(output), [batch(x), batch(y)]), ['x_item', 'y_item_at']);
  return {
    label: 'BATCH_MATMUL',
    items: count(batch(output)),
    size: [rows, columns],
    rows: matrixRows(x, x.type.shape.at(-1) as number, {
      item: 'x_item(item) * params.rows',
      functions: walk.functions,
      params: walk.params,
    }),
    output,
    outputStrides: [rows * columns, columns],
  };
}

/** x [..., rows, depth] times y [..., depth, columns], or y transposed. */
export const batchMatmul = (integers: IntegerShaders | null): Lowering<'BATCH_MATMUL'> => ({
  supports(site) {
    const [x, y] = [inputOf(site, 0), inputOf(site, 1)];
    if (site.options.adjX) return false;
    if (integers?.byteMatrices(site)) return true;
    const isScaled = y.value !== undefined && perTensor(y.type) !== null;
    return isFloat({ inputs: isScaled ? [x] : [x, y], outputs: site.outputs });
  },
  lower(site, emit) {
    const tiles = tilesOf(site);
    const bytes = integers?.byteMatrices(site);
    if (bytes) return integers?.emitByteMatrices(emit, tiles, bytes, START);
    const depth = tiles.rows.depth;
    const weights = [depth, tiles.size[1]] as const;
    emitFloatTiles(emit, {
      ...tiles,
      weights: rightSide(emit, inputOf(site, 1), weights, site.options.adjY, START),
      bias: null,
      activation: activationOf(site),
    });
  },
});
