/** Models of attention in the forms that converters write. */
import type { BuiltinNode, DType, OpName, OptionsOf, Tensor, TypedArray } from '@linnet/schema';
import { file, graph, node, tensor } from './models.js';

export const BATCH = 2;
export const HEADS = 3;
export const ROWS = 13;
export const COLUMNS = 9;
export const DEPTH = 4;
export const WIDTH = HEADS * DEPTH;

/** How heads get apart and together, scores are made and masked; what is left out is the plain way. */
export interface Form {
  readonly name: string;
  /** Tensors are [batch, tokens, width] and there are no heads. */
  readonly isWhole?: true;
  /** Keys come as [.., depth, columns]. */
  readonly areKeysTurned?: true;
  readonly scale?: number;
  readonly mask?: 'by row' | 'by column' | 'bool';
  /** Softmax's results leave the model, too. */
  readonly areWeightsShown?: true;
  readonly areScoresShown?: true;
  /** What ops there are in the plan, but for RESHAPE. */
  readonly ops: readonly OpName[];
}

export const FORMS: readonly Form[] = [
  { name: 'whole rows', isWhole: true, ops: ['BATCH_MATMUL'] },
  { name: 'heads', ops: ['BATCH_MATMUL'] },
  { name: 'heads, keys turned', areKeysTurned: true, ops: ['BATCH_MATMUL'] },
  { name: 'scaled', scale: 0.5, ops: ['BATCH_MATMUL'] },
  { name: 'a mask for each row', scale: 0.5, mask: 'by row', ops: ['BATCH_MATMUL'] },
  { name: 'a mask of padding', mask: 'by column', ops: ['BATCH_MATMUL'] },
  { name: 'a mask of bool', scale: 0.5, mask: 'bool', ops: ['BATCH_MATMUL'] },
  {
    name: 'scores that something else reads',
    areScoresShown: true,
    ops: ['TRANSPOSE', 'BATCH_MATMUL'],
  },
  {
    name: 'weights that something else reads',
    areWeightsShown: true,
    ops: ['TRANSPOSE', 'BATCH_MATMUL', 'SOFTMAX'],
  },
  {
    name: 'a negative scale',
    scale: -0.5,
    ops: ['TRANSPOSE', 'BATCH_MATMUL', 'MUL', 'SOFTMAX'],
  },
];

export const wave = (length: number, step: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(step * i * (i + 1)));

/** Queries, keys and values: [batch, tokens, width]. */
export const INPUTS = [
  wave(BATCH * ROWS * WIDTH, 0.7),
  wave(BATCH * COLUMNS * WIDTH, 0.3),
  wave(BATCH * COLUMNS * WIDTH, 1.1),
] as const;

/** A mask's element. */
export function masked(mask: Form['mask'], row: number, column: number): number {
  if (mask === 'by row') return Math.cos(row * column);
  if (mask === 'by column') return column % 4 === 3 ? -1e9 : 0;
  return mask === 'bool' && column > row ? -1e9 : 0;
}

/** A model of attention in a form. */
export function build(form: Form): Uint8Array {
  const tensors: Tensor[] = [];
  const operators: BuiltinNode[] = [];
  const add = (shape: readonly number[], dtype: DType = 'float32', values?: TypedArray) =>
    tensors.push(tensor(`t${tensors.length}`, dtype, shape, values)) - 1;
  const integers = (...values: number[]) => add([values.length], 'int32', Int32Array.from(values));
  const op = <N extends OpName>(
    name: N,
    inputs: readonly number[],
    shape: readonly number[],
    options: Partial<OptionsOf<N>> = {},
  ) => {
    const output = add(shape);
    operators.push(node(name, inputs, [output], options));
    return output;
  };
  const heads = form.isWhole ? [] : [HEADS];
  const depth = form.isWhole ? WIDTH : DEPTH;
  const inputs = [ROWS, COLUMNS, COLUMNS].map((tokens) => add([BATCH, tokens, WIDTH]));
  const split = (input: number, tokens: number, ...order: number[]) => {
    if (form.isWhole) return input;
    const apart = [BATCH, tokens, HEADS, DEPTH];
    const reshaped = op('RESHAPE', [input, integers(...apart)], apart, { newShape: apart });
    const shape = order.map((axis) => apart[axis] as number);
    return op('TRANSPOSE', [reshaped, integers(...order)], shape);
  };
  const [q, k, v] = inputs as [number, number, number];
  const queries = split(q, ROWS, 0, 2, 1, 3);
  const keys = form.areKeysTurned ? split(k, COLUMNS, 0, 2, 3, 1) : split(k, COLUMNS, 0, 2, 1, 3);
  const shape = [BATCH, ...heads, ROWS, COLUMNS];
  const adjY = form.areKeysTurned === undefined;
  const product = op('BATCH_MATMUL', [queries, keys], shape, { adjY });
  const factor = Float32Array.of(form.scale ?? 1);
  const scaled = form.scale ? op('MUL', [product, add([], 'float32', factor)], shape) : product;
  const { mask } = form;
  const rows = mask === 'by column' ? 1 : ROWS;
  const elements = Array.from({ length: rows * COLUMNS }, (_, i) =>
    masked(mask, Math.floor(i / COLUMNS), i % COLUMNS),
  );
  const scores = () => {
    if (mask === undefined) return scaled;
    if (mask !== 'bool') {
      const added = add([1, 1, rows, COLUMNS], 'float32', Float32Array.from(elements));
      return op('ADD', [scaled, added], shape);
    }
    const kept = Uint8Array.from(elements, (element) => (element === 0 ? 1 : 0));
    const fill = add([], 'float32', Float32Array.of(-1e9));
    return op('SELECT_V2', [add([rows, COLUMNS], 'bool', kept), scaled, fill], shape);
  };
  const weights = op('SOFTMAX', [scores()], shape, { beta: 1 });
  const mixedShape = [BATCH, ...heads, ROWS, depth];
  const mixed = op('BATCH_MATMUL', [weights, split(v, COLUMNS, 0, 2, 1, 3)], mixedShape);
  const joined = form.isWhole
    ? mixed
    : op('TRANSPOSE', [mixed, integers(0, 2, 1, 3)], [BATCH, ROWS, HEADS, DEPTH]);
  const outputs = [joined];
  if (form.areWeightsShown) outputs.push(weights);
  if (form.areScoresShown) outputs.push(product);
  return file([graph({ tensors, operators, inputs, outputs })]);
}
