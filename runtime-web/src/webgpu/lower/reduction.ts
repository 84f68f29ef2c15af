/** Reductions and normalizations of float32 along dimensions. */
import { normalizeAxis, type OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { inputOf, integersOf, outputOf } from '../../lower/operands.js';
import { passesOf } from '../../lower/reduction.js';
import type { BufferRef, LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { f32, reads, u32, writes } from '../wgsl/kernel.js';
import { quadCode } from '../wgsl/quad.js';
import { isFloat } from './product.js';

type ReductionOp = 'SUM' | 'MEAN' | 'REDUCE_MAX' | 'REDUCE_MIN' | 'REDUCE_PROD';

interface Row {
  /** What the result begins with: the identity, or the first element where that may come twice. */
  readonly first: 'element' | '0.0' | '1.0';
  readonly combine: (a: string, b: string) => string;
}

const SUM: Row = { first: '0.0', combine: (a, b) => `${a} + ${b}` };
const MAX: Row = { first: 'element', combine: (a, b) => `max(${a}, ${b})` };

/** Invocations of a workgroup of four to a row. */
const INVOCATIONS = 64;

interface Pass {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly from: BufferRef;
  readonly to: BufferRef;
  /** What results are multiplied with. */
  readonly scale: number;
}

/** Emits y[outer, inner] = scale * the elements x[outer, :, inner] combined. */
function emitPass(emit: Emitter, label: string, { first, combine }: Row, pass: Pass): void {
  const { outer, length, inner, from, to, scale } = pass;
  const float = (ref: BufferRef) => ({ ref, type: { dtype: 'float32' } }) as const;
  const params = { length: u32(length), scale: f32(scale) };
  const start = first === 'element' ? 'x_load(begin)' : first;
  if (inner > 1) {
    // Neighbouring invocations have neighbouring columns.
    const width = inner % 4 === 0 ? 4 : 1;
    const invocations = (outer * inner) / width;
    emit.run({
      label,
      bindings: { x: reads(float(from), width), y: writes(float(to), width) },
      params: { ...params, invocations: u32(invocations), inner: u32(inner / width) },
      grid: { invocations },
      body: `
if (index >= params.invocations) { return; }
let begin = index / params.inner * params.length * params.inner + index % params.inner;
var s = ${width === 4 ? 'vec4<f32>' : 'f32'}(${start});
for (var k = 0u; k < params.length; k++) {
  let v = x_load(begin + k * params.inner);
  s = ${combine('s', 'v')};
}
y_store(index, s * params.scale);`,
    });
    return;
  }
  const quad = quadCode(emit.traits, INVOCATIONS);
  emit.run({
    label,
    quads: quad.quads,
    bindings: { x: reads(float(from), 1), y: writes(float(to), 1) },
    params: { ...params, rows: u32(outer) },
    workgroup: [INVOCATIONS, 1, 1],
    grid: { invocations: 4 * outer },
    declarations: quad.declarations,
    body: `
let row = index / 4u;
let begin = min(row, params.rows - 1u) * params.length;
var s = ${start};
for (var k = lane & 3u; k < params.length; k += 4u) {
  let v = x_load(begin + k);
  s = ${combine('s', 'v')};
}
${quad.combine('s', combine)}
if ((lane & 3u) == 0u && row < params.rows) { y_store(row, s * params.scale); }`,
  });
}

function passesFor(site: LowerSite<ReductionOp>) {
  const { shape } = inputOf(site, 0).type;
  const axes = new Set(integersOf(site, 1).map((axis) => normalizeAxis(axis, shape.length)));
  return passesOf(shape, axes);
}

function reduction<N extends ReductionOp>(row: Row): Lowering<N> {
  return {
    supports: (site) =>
      [inputOf(site, 0), outputOf(site)].every(
        ({ type }) => type.dtype === 'float32' && !type.shape.includes(0),
      ) && passesFor(site).length > 0,
    lower(site, emit) {
      const passes = passesFor(site);
      let from = inputOf(site, 0).ref;
      passes.forEach((pass, at) => {
        const isLast = at === passes.length - 1;
        const to = isLast ? outputOf(site).ref : emit.scratch(4 * pass.outer * pass.inner);
        const scale = site.op === 'MEAN' ? 1 / pass.length : 1;
        emitPass(emit, site.op, row, { ...pass, from, to, scale });
        from = to;
      });
    },
  };
}

/** Along the last dimension, four invocations to a row; `result` is made from `v`, the row's `most` and `sum`. */
function softmax<N extends 'SOFTMAX' | 'LOG_SOFTMAX'>(
  result: string,
  beta: (site: LowerSite<N>) => number,
): Lowering<N> {
  return {
    supports: (site) => isFloat(site) && inputOf(site, 0).type.shape.length > 0,
    lower(site, emit) {
      const [input, output] = [inputOf(site, 0), outputOf(site)];
      const length = input.type.shape.at(-1) as number;
      const rows = count(input.type.shape) / length;
      const quad = quadCode(emit.traits, INVOCATIONS);
      const loop = (body: string) =>
        `for (var k = lane & 3u; k < params.length; k += 4u) { let v = x_load(begin + k) * params.beta; ${body} }`;
      emit.run({
        label: site.op,
        quads: quad.quads,
        bindings: { x: reads(input, 1), y: writes(output, 1) },
        params: { length: u32(length), rows: u32(rows), beta: f32(beta(site)) },
        workgroup: [INVOCATIONS, 1, 1],
        grid: { invocations: 4 * rows },
        declarations: quad.declarations,
        body: `
let row = index / 4u;
let begin = min(row, params.rows - 1u) * params.length;
var most = x_load(begin) * params.beta;
${loop('most = max(most, v);')}
${quad.combine('most', MAX.combine)}
var sum = 0.0;
${loop('sum += exp(v - most);')}
${quad.combine('sum', SUM.combine)}
if (row >= params.rows) { return; }
${loop(`y_store(begin + k, ${result});`)}`,
      });
    },
  };
}

export const REDUCTION_LOWERINGS = {
  SUM: reduction<'SUM'>(SUM),
  MEAN: reduction<'MEAN'>(SUM),
  REDUCE_MAX: reduction<'REDUCE_MAX'>(MAX),
  REDUCE_MIN: reduction<'REDUCE_MIN'>({
    first: 'element',
    combine: (a, b) => `min(${a}, ${b})`,
  }),
  REDUCE_PROD: reduction<'REDUCE_PROD'>({ first: '1.0', combine: (a, b) => `${a} * ${b}` }),
  SOFTMAX: softmax<'SOFTMAX'>('exp(v - most) / sum', ({ options }) => options.beta),
  LOG_SOFTMAX: softmax<'LOG_SOFTMAX'>('v - most - log(sum)', () => 1),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
