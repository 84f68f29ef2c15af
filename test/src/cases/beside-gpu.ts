/** What runs on WASM where a model runs on WebGPU, and why. */
import { inspectPlan } from '@linnet/runtime-web';
import type { OpName } from '@linnet/schema';
import type { Case } from './build.js';

/** Whether shaders carry out a case's op, on a GPU of the least limits, or planning does. */
export async function runsOnGpu({ bytes, op }: Case): Promise<boolean> {
  const { graphs } = await inspectPlan(bytes, { backend: 'webgpu' });
  const found = graphs[0]?.ops.find((support) => support.op === op);
  return found === undefined || found.onGpu > 0;
}

const RARE = 'no net among those that are tested has them';
const DIVISORS =
  'divisors and exponents that are integers, of which some can only be found wrong while the model runs';
const BEYOND =
  'layer normalization, projections and diagonal weights of cells, and the basic form of old converters';

/** Why forms of ops have no shaders, by the cases' element types, and by op where those are no reason. */
const BY_DTYPE: Readonly<Record<string, string>> = {
  int64: 'int64, which WGSL does not have: shapes and positions, which planning mostly knows',
  string: 'strings',
  int16: 'int16, whose products take sums of 64 bits; what lies between them stays with them',
};

const BY_OP: { readonly [N in OpName]?: string } = {
  ...of('operands without dimensions or without elements', 'LOG_SOFTMAX', 'CONCATENATION'),
  ...of(DIVISORS, 'DIV', 'FLOOR_DIV', 'FLOOR_MOD', 'POW'),
  ...of(
    'sums and differences of bytes that are scaled by one another',
    'SQUARED_DIFFERENCE',
    'SUM',
  ),
  ...of('uint16 and uint32', 'BITWISE_XOR'),
  ...of('int64, and narrow integers from reals, which devices do not round alike', 'CAST'),
  ...of('means of int32, which are divided as integers', 'MEAN'),
  ...of('left sides that are transposed', 'BATCH_MATMUL'),
  ...of('padding of float16 by values', 'PADV2'),
  ...of('conditions that choose slices', 'SELECT'),
  ...of('sums of conditions', 'SCATTER_ND'),
  ...of('beginnings in int64', 'DYNAMIC_UPDATE_SLICE'),
  ...of(BEYOND, 'LSTM', 'UNIDIRECTIONAL_SEQUENCE_LSTM'),
  ...of(
    'one box after the other, by what became of those before',
    'NON_MAX_SUPPRESSION_V4',
    'NON_MAX_SUPPRESSION_V5',
  ),
  ...of(RARE, 'BITCAST', 'FAKE_QUANT', 'MATRIX_DIAG', 'MATRIX_SET_DIAG', 'SPARSE_TO_DENSE', 'SVDF'),
  ...of(
    'the host, which decides what runs next',
    'IF',
    'WHILE',
    'CALL_ONCE',
    'READ_VARIABLE',
    'ASSIGN_VARIABLE',
  ),
};

function of(reason: string, ...ops: readonly OpName[]): { readonly [N in OpName]?: string } {
  return Object.fromEntries(ops.map((op) => [op, reason]));
}

/** The ops of cases that run on WASM, by reason; `columnOf` tells the element type that a case is about. */
export function besideGpu(onHost: readonly Case[], columnOf: (subject: Case) => string): string {
  const reasons = new Map<string, Set<OpName>>();
  for (const subject of onHost) {
    const { op, name } = subject;
    const reason = BY_DTYPE[columnOf(subject)] ?? BY_OP[op];
    if (reason === undefined)
      throw new Error(`Why does "${name}" not run on WebGPU? Say so in beside-gpu.ts.`);
    reasons.set(reason, (reasons.get(reason) ?? new Set()).add(op));
  }
  return [...reasons].map(([reason, ops]) => `- ${reason}: ${[...ops].join(', ')}`).join('\n');
}
