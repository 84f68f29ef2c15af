import type { TensorId } from '../../../graph/graph.js';
import type { TfOps } from '../site.js';
import { direct, div, mul, reshape, shapeOf, sub } from './compose.js';
import { gelu } from './gelu.js';

/** Functions of two and three tensors, which are broadcast. */
export const BINARY: TfOps = {
  Add: direct('ADD'),
  AddV2: direct('ADD'),
  Sub: direct('SUB'),
  Mul: (site) => gelu(site) ?? site.add('MUL', site.inputs()),
  /** Integer DIV of TensorFlow rounds down; that of reals is a plain division. */
  Div: (site) =>
    site.add(site.attrs.dtype('T') === 'float32' ? 'DIV' : 'FLOOR_DIV', site.inputs()),
  RealDiv: direct('DIV'),
  TruncateDiv: direct('DIV'),
  FloorDiv: direct('FLOOR_DIV'),
  FloorMod: direct('FLOOR_MOD'),
  Pow: direct('POW'),
  Maximum: direct('MAXIMUM'),
  Minimum: direct('MINIMUM'),
  SquaredDifference: direct('SQUARED_DIFFERENCE'),
  Atan2: direct('ATAN2'),
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

  /** x / y, and 0 where y is 0. */
  DivNoNan: (site) => {
    const [x, y] = site.inputs() as [TensorId, TensorId];
    const zero = site.scalarLike(0, y);
    const isZero = site.add('EQUAL', [y, zero]);
    const quotient = div(site, x, site.add('SELECT_V2', [isZero, site.scalarLike(1, y), y]));
    return site.add('SELECT_V2', [isZero, zero, quotient]);
  },
  /** x * y, and 0 where y is 0 even if x is not finite. */
  MulNoNan: (site) => {
    const [x, y] = site.inputs() as [TensorId, TensorId];
    const zero = site.scalarLike(0, y);
    return site.add('SELECT_V2', [site.add('EQUAL', [y, zero]), zero, mul(site, x, y)]);
  },
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
  OnesLike: (site) => {
    const x = site.input(0);
    return site.add('FILL', [shapeOf(site, x), site.scalarLike(1, x)]);
  },
};
