import { type DType, dtypeCode, elementCount, UNKNOWN_DIM } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import { dimValues } from '../../../passes/dims.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { cast, direct, reshape, shapeOf, transpose } from './compose.js';

/**
 * The target of a reshape with at most one dimension that is not known while converting, as a
 * constant with -1 in its place; undefined where more are unknown.
 */
function knownTarget(site: Site, target: TensorId): readonly number[] | undefined {
  const known = site.known(target);
  if (known !== undefined) return known;
  const dims = dimValues(site.graph.builder.graph, target)?.map((dim) =>
    typeof dim === 'number' ? dim : UNKNOWN_DIM,
  );
  return dims && dims.filter((dim) => dim === UNKNOWN_DIM).length === 1 ? dims : undefined;
}

const squeeze: TfImport = (site) => {
  const x = site.input(0);
  const { shape } = site.type(x);
  const given = site.attrs.ints('squeeze_dims', []);
  const axes = given.length > 0 ? given : shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  if (given.length === 0 && shape.includes(UNKNOWN_DIM)) {
    throw site.unsupported(
      'it removes whatever dimensions turn out to be 1',
      'State the input shapes with --input-shape name:1,..., or give the axes to squeeze.',
    );
  }
  return site.add('SQUEEZE', [x], { squeezeDims: axes });
};

/** An op that ignores the contents of its input. */
const size: TfImport = (site) => {
  const x = site.input(0);
  const dtype = site.attrs.dtype('out_type', 'int32');
  const count = elementCount(site.type(x).shape);
  if (count !== undefined) return site.scalar(count, dtype);
  const product = site.add('REDUCE_PROD', [shapeOf(site, x), site.vector([0])], {
    keepDims: false,
  });
  return cast(site, product, dtype);
};

function shapes(site: Site, index: number): TensorId {
  const x = site.input(index);
  const outType: DType = site.attrs.dtype('out_type', 'int32');
  const { shape } = site.type(x);
  return shape.includes(UNKNOWN_DIM)
    ? site.add(
        'SHAPE',
        [x],
        { outType: dtypeCode(outType) },
        { dtype: outType, shape: [shape.length] },
      )
    : site.vector(shape, outType);
}

const oneHot: TfImport = (site) => {
  const [indices, depth, on, off] = site.inputs() as [TensorId, TensorId, TensorId, TensorId];
  return site.add('ONE_HOT', [indices, depth, on, off], { axis: site.attrs.int('axis', -1) });
};

/** The diagonal (input 1 or 2) is the main one, sizes are inferred (-1), and the rest is 0. */
function matrixDiagonal(op: 'MATRIX_DIAG' | 'MATRIX_SET_DIAG', operands: 1 | 2): TfImport {
  return (site) => {
    const settings = site.inputs(operands).map((_, index) => {
      return site.constant(operands + index, 'diagonal');
    });
    const [diagonals = [0], ...others] = settings;
    if (diagonals.some((k) => k !== 0) || others.flat().some((v) => v !== -1 && v !== 0)) {
      throw site.unsupported('only the main diagonal of a square matrix is supported');
    }
    return site.add(op, site.inputs(0, operands));
  };
}

/** Shapes: asking for them, changing them, making tensors of them. */
export const SHAPE: TfOps = {
  Reshape: (site) => {
    const [x, target] = site.inputs(0, 2) as [TensorId, TensorId];
    const known = knownTarget(site, target);
    return known === undefined ? site.add('RESHAPE', [x, target]) : reshape(site, x, known);
  },
  Transpose: (site) => transpose(site, site.input(0), site.constant(1, 'permutation')),
  ExpandDims: (site) => {
    const x = site.input(0);
    return site.add('EXPAND_DIMS', [x, site.scalar(site.axis(1, site.rank(x) + 1))]);
  },
  Squeeze: squeeze,
  Shape: (site) => shapes(site, 0),
  ShapeN: (site) => Array.from({ length: site.inputCount }, (_, index) => shapes(site, index)),
  Size: size,
  Rank: (site) => site.scalar(site.rank(site.input(0))),
  Fill: direct('FILL'),
  Range: (site) => {
    const dtype = site.attrs.dtype('Tidx', 'int32');
    const [start, limit, delta] = site.inputs().map((id) => site.known(id)?.[0]);
    if (start !== undefined && limit !== undefined && delta !== undefined && dtype !== 'float32') {
      const count = Math.max(0, Math.ceil((limit - start) / delta));
      if (count <= RANGE_LIMIT) {
        return site.vector(
          Array.from({ length: count }, (_, i) => start + i * delta),
          dtype,
        );
      }
    }
    return site.add('RANGE', site.inputs());
  },
  OneHot: oneHot,
  Tile: direct('TILE'),
  BroadcastTo: direct('BROADCAST_TO'),
  MatrixDiag: matrixDiagonal('MATRIX_DIAG', 1),
  MatrixDiagV2: matrixDiagonal('MATRIX_DIAG', 1),
  MatrixDiagV3: matrixDiagonal('MATRIX_DIAG', 1),
  MatrixSetDiag: matrixDiagonal('MATRIX_SET_DIAG', 2),
  MatrixSetDiagV2: matrixDiagonal('MATRIX_SET_DIAG', 2),
  MatrixSetDiagV3: matrixDiagonal('MATRIX_SET_DIAG', 2),
};

/** Longer ranges are left to the runtime: they are data, not shape arithmetic. */
const RANGE_LIMIT = 64;
