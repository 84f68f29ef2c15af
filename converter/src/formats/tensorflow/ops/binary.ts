import { isStatic } from '@linnet/schema';
import type { TensorId } from '../../../graph/graph.js';
import type { Site, TfImport, TfOps } from '../site.js';
import { addScalar, direct, div, filledLike, mul, reshape, shapeOf, sub } from './compose.js';
import { gelu } from './gelu.js';

/** A function of two tensors that is 0 where one of them is, even where the formula is not finite. */
function zeroWhere(
  index: 0 | 1,
  write: (site: Site, x: TensorId, y: TensorId) => TensorId,
): TfImport {
  return (site) => {
    const [x, y] = site.inputs() as [TensorId, TensorId];
    const decisive = index === 0 ? x : y;
    const zero = site.scalarLike(0, decisive);
    const isZero = site.add('EQUAL', [decisive, zero]);
    return site.add('SELECT_V2', [isZero, zero, write(site, x, y)]);
  };
}

/** Functions of two and three tensors, which are broadcast. */
export const BINARY: TfOps = {
  Add: direct('ADD'),
  AddV2: direct('ADD'),
  Sub: direct('SUB'),
  Mul: (site) => gelu(site) ?? site.add('MUL', site.inputs()),
  /** Integer DIV of TensorFlow rounds down; that of reals is a plain division. */
  Div: (site) => site.add(site.attrs.dtype('T') === 'float32' ? 'DIV' : 'FLOOR_DIV', site.inputs()),
  RealDiv: direct('DIV'),
  TruncateDiv: direct('DIV'),
  FloorDiv: direct('FLOOR_DIV'),
  FloorMod: direct('FLOOR_MOD'),
  Pow: direct('POW'),
  Maximum: direct('MAXIMUM'),
  Minimum: direct('MINIMUM'),
  SquaredDifference: direct('SQUARED_DIFFERENCE'),
  /** LiteRT's ATAN2 does not broadcast. */
  Atan2: (site) => {
    const [y, x] = site.inputs() as [TensorId, TensorId];
    const [a, b] = [site.type(y).shape, site.type(x).shape];
    if (isStatic(a) && a.join() === b.join()) return site.add('ATAN2', [y, x]);
    const shape = site.add('BROADCAST_ARGS', [shapeOf(site, y), shapeOf(site, x)]);
    const both = [y, x].map((id) => site.add('BROADCAST_TO', [id, shape]));
    return site.add('ATAN2', both);
  },
  Equal: direct('EQUAL'),
  NotEqual: direct('NOT_EQUAL'),
  Greater: direct('GREATER'),
  GreaterEqual: direct('GREATER_EQUAL'),
  Less: direct('LESS'),
  LessEqual: direct('LESS_EQUAL'),
  LogicalAnd: direct('LOGICAL_AND'),
  LogicalOr: direct('LOGICAL_OR'),
  BitwiseXor: direct('BITWISE_XOR'),
  RightShift: direct('RIGHT_SHIFT'),
  AddN: (site) => (site.inputCount === 1 ? site.input(0) : site.add('ADD_N', site.inputs())),
  BroadcastArgs: direct('BROADCAST_ARGS'),

  DivNoNan: zeroWhere(1, (site, x, y) => div(site, x, y)),
  MulNoNan: zeroWhere(1, (site, x, y) => mul(site, x, y)),
  Xdivy: zeroWhere(0, (site, x, y) => div(site, x, y)),
  Xlogy: zeroWhere(0, (site, x, y) => mul(site, x, site.add('LOG', [y]))),
  Xlog1py: zeroWhere(0, (site, x, y) => mul(site, x, site.add('LOG', [addScalar(site, y, 1)]))),
  /** The remainder has the sign of x. */
  Mod: (site) => {
    if (site.attrs.dtype('T') === 'float32') {
      throw site.unsupported('the truncated remainder of floats has no builtin');
    }
    const [x, y] = site.inputs() as [TensorId, TensorId];
    return sub(site, x, mul(site, div(site, x, y), y));
  },

  ClipByValue: (site) => {
    const [x, low, high] = site.inputs() as [TensorId, TensorId, TensorId];
    return site.add('MINIMUM', [site.add('MAXIMUM', [x, low]), high]);
  },

  SelectV2: direct('SELECT_V2'),
  /** A condition of rank 1 picks rows of operands of a higher rank. */
  Select: (site) => {
    const [condition, x, y] = site.inputs() as [TensorId, TensorId, TensorId];
    const rank = site.rank(x);
    if (site.rank(condition) !== 1 || rank <= 1) return site.add('SELECT_V2', [condition, x, y]);
    const rows = site.type(condition).shape[0]!;
    const shape = Array.from({ length: rank }, (_, axis) => (axis === 0 ? rows : 1));
    return site.add('SELECT_V2', [reshape(site, condition, shape), x, y]);
  },

  ZerosLike: direct('ZEROS_LIKE'),
  OnesLike: (site) => filledLike(site, 1, site.input(0)),
};
