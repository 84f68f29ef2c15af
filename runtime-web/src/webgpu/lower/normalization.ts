/** Ops that normalize each row along the last dimension. */
import type { OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { type AnySite, inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { f32, i32, type Kernel, reads, u32, writes } from '../wgsl/kernel.js';
import { type QuadCode, quadCode } from '../wgsl/quad.js';
import { emitNarrowed } from './narrow.js';
import { isFloat } from './product.js';

/** Invocations of a workgroup of four to a row. */
const INVOCATIONS = 64;

interface Bytes {
  readonly x: PerTensor;
  readonly y: PerTensor;
}

/** SOFTMAX from bytes to bytes of the same kind. */
function bytesOf(site: LowerSite<'SOFTMAX' | 'LOG_SOFTMAX'>): Bytes | null {
  const [x, y] = [perTensor(inputOf(site, 0).type), perTensor(outputOf(site).type)];
  if (site.op !== 'SOFTMAX' || !x || !y || x.dtype !== y.dtype || x.dtype === 'int16') return null;
  return inputOf(site, 0).type.shape.includes(0) ? null : { x, y };
}

/**
 * By a table of exponentials of the distance from a row's largest. An invocation has a row: the sum runs
 * from left to right, as the WASM kernel and TFLite's have it.
 */
function emitByteSoftmax(
  emit: Emitter,
  site: LowerSite<'SOFTMAX' | 'LOG_SOFTMAX'>,
  { x, y }: Bytes,
  beta: number,
): void {
  const [input, output] = [inputOf(site, 0), outputOf(site)];
  const length = input.type.shape.at(-1) as number;
  const rows = count(input.type.shape) / length;
  const factor = Math.fround(beta * x.scale);
  const exponentials = emit.constant(`exponentials ${factor}`, () =>
    Float32Array.from({ length: 256 }, (_, distance) => Math.exp(-Math.fround(factor * distance))),
  );
  emitNarrowed(emit, output, false, (to) =>
    emit.run({
      label: 'SOFTMAX',
      bindings: {
        x: reads(input, 1),
        exponentials: reads({ ref: exponentials, type: { dtype: 'float32' } }, 1),
        y: writes(to, 1),
      },
      params: {
        rows: u32(rows),
        length: u32(length),
        scale: f32(y.scale),
        zero: i32(y.zero),
        low: i32(y.low),
        high: i32(y.high),
      },
      grid: { invocations: rows },
      body: `
if (index >= params.rows) { return; }
let begin = index * params.length;
var most = x_load(begin);
for (var k = 1u; k < params.length; k++) { most = max(most, x_load(begin + k)); }
var sum = 0.0;
for (var k = 0u; k < params.length; k++) { sum += exponentials_load(u32(most - x_load(begin + k))); }
let factor = 1.0 / (sum * params.scale);
for (var k = 0u; k < params.length; k++) {
  let q = i32(exponentials_load(u32(most - x_load(begin + k))) * factor + 0.5) + params.zero;
  y_store(begin + k, clamp(q, params.low, params.high));
}`,
    }),
  );
}

type Loop = (body: string) => string;

/**
 * Emits what four invocations do with a row of the last dimension: `body` has the row's number `row` and
 * first element `begin`, and is made by loops over elements `k` and sums of what each invocation has.
 */
export function emitRows(
  emit: Emitter,
  site: AnySite & { readonly op: OpName },
  { params, declarations = '' }: Pick<Kernel, 'params' | 'declarations'>,
  body: (loop: Loop, combine: QuadCode['combine']) => string,
): void {
  const [input, output] = [inputOf(site, 0), outputOf(site)];
  const length = input.type.shape.at(-1) as number;
  const rows = count(input.type.shape) / length;
  const quad = quadCode(emit.traits, INVOCATIONS, 'f32');
  const loop = (of: string) => `for (var k = lane & 3u; k < params.length; k += 4u) { ${of} }`;
  emit.run({
    label: site.op,
    quads: quad.quads,
    bindings: { x: reads(input, 1), y: writes(output, 1) },
    params: { length: u32(length), rows: u32(rows), ...params },
    workgroup: [INVOCATIONS, 1, 1],
    grid: { invocations: 4 * rows },
    declarations: `${quad.declarations}${declarations}`,
    body: `
let row = index / 4u;
let begin = min(row, params.rows - 1u) * params.length;
${body(loop, quad.combine)}`,
  });
}

/** Whether there is a last dimension. */
export const hasRows = (site: AnySite) => inputOf(site, 0).type.shape.length > 0;
/** How quads combine sums. */
export const sum = (a: string, b: string) => `${a} + ${b}`;

/** `result` is made from `v`, the row's `most` and `sum`. */
function softmax<N extends 'SOFTMAX' | 'LOG_SOFTMAX'>(
  result: string,
  beta: (site: LowerSite<N>) => number,
): Lowering<N> {
  return {
    supports: (site) => hasRows(site) && (isFloat(site) || bytesOf(site) !== null),
    lower(site, emit) {
      const bytes = bytesOf(site);
      if (bytes !== null) return emitByteSoftmax(emit, site, bytes, beta(site));
      emitRows(emit, site, { params: { beta: f32(beta(site)) } }, (loop, combine) => {
        const each = (of: string) => loop(`let v = x_load(begin + k) * params.beta; ${of}`);
        return `var most = x_load(begin) * params.beta;
${each('most = max(most, v);')}
${combine('most', (a, b) => `max(${a}, ${b})`)}
var sum = 0.0;
${each('sum += exp(v - most);')}
${combine('sum', sum)}
if (row >= params.rows) { return; }
${each(`y_store(begin + k, ${result});`)}`;
      });
    },
  };
}

export const NORMALIZATION_LOWERINGS = {
  SOFTMAX: softmax<'SOFTMAX'>('exp(v - most) / sum', ({ options }) => options.beta),
  LOG_SOFTMAX: softmax<'LOG_SOFTMAX'>('v - most - log(sum)', () => 1),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
