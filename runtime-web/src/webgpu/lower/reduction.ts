/** Reductions of one dimension after the other. */
import { normalizeAxis, type OpName, type TensorType } from '@linnet/schema';
import { inputOf, integersOf, outputOf } from '../../lower/operands.js';
import { perTensor } from '../../lower/quantization.js';
import { type Axis, axisOf, passesOf, type ReductionOp } from '../../lower/reduction.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Emitter, Lowering } from '../lowering.js';
import { roundFunction } from '../wgsl/bytes.js';
import { array, f32, i32, type Param, reads, u32, writes } from '../wgsl/kernel.js';
import { quadCode } from '../wgsl/quad.js';
import { elementOf, isStored, type StoredDType, type Width } from '../wgsl/storage.js';
import { emitNarrowed } from './narrow.js';

interface Row {
  /** What the result begins with: the identity, or the first element where that may come twice. */
  readonly first: 'element' | '0' | '1';
  readonly combine: (a: string, b: string) => string;
}

const SUM: Row = { first: '0', combine: (a, b) => `${a} + ${b}` };
const MOST: Row = { first: 'element', combine: (a, b) => `max(${a}, ${b})` };
const LEAST: Row = { first: 'element', combine: (a, b) => `min(${a}, ${b})` };

/** What becomes of the result `s` of a pass. */
interface Finish {
  readonly params: Readonly<Record<string, Param>>;
  readonly declarations: (width: Width) => string;
  /** By the type of a vector or a scalar. */
  readonly result: (real: string) => string;
}

const KEPT: Finish = { params: {}, declarations: () => '', result: () => 's' };

/** Invocations of a workgroup of four to a row. */
const INVOCATIONS = 64;

interface Pass extends Axis {
  readonly from: Operand;
  readonly to: Operand;
  readonly finish: Finish;
}

/** Emits y[outer, inner] = the elements x[outer, :, inner] combined and finished. */
function emitPass(emit: Emitter, label: string, { first, combine }: Row, pass: Pass): void {
  const { outer, length, inner, from, finish } = pass;
  const element = elementOf(from.type.dtype as StoredDType);
  const params = { length: u32(length), ...finish.params };
  const start = first === 'element' ? 'x_load(begin)' : first;
  if (inner > 1) {
    // Neighbouring invocations have neighbouring columns.
    const width = inner % 4 === 0 ? 4 : 1;
    const vector = (type: string) => (width === 4 ? `vec4<${type}>` : type);
    const invocations = (outer * inner) / width;
    emitNarrowed(emit, pass.to, width === 4, (to) =>
      emit.run({
        label,
        bindings: { x: reads(from, width), y: writes(to, width) },
        params: { ...params, invocations: u32(invocations), inner: u32(inner / width) },
        grid: { invocations },
        declarations: finish.declarations(width),
        body: `
if (index >= params.invocations) { return; }
let begin = index / params.inner * params.length * params.inner + index % params.inner;
var s = ${vector(element)}(${start});
for (var k = 0u; k < params.length; k++) {
  let v = x_load(begin + k * params.inner);
  s = ${combine('s', 'v')};
}
y_store(index, ${finish.result(vector('f32'))});`,
      }),
    );
    return;
  }
  const quad = quadCode(emit.traits, INVOCATIONS, element);
  emitNarrowed(emit, pass.to, false, (to) =>
    emit.run({
      label,
      quads: quad.quads,
      bindings: { x: reads(from, 1), y: writes(to, 1) },
      params: { ...params, rows: u32(outer) },
      workgroup: [INVOCATIONS, 1, 1],
      grid: { invocations: 4 * outer },
      declarations: `${quad.declarations}\n${finish.declarations(1)}`,
      body: `
let row = index / 4u;
let begin = min(row, params.rows - 1u) * params.length;
var s = ${element}(${start});
for (var k = lane & 3u; k < params.length; k += 4u) {
  let v = x_load(begin + k);
  s = ${combine('s', 'v')};
}
${quad.combine('s', combine)}
if ((lane & 3u) == 0u && row < params.rows) { y_store(row, ${finish.result('f32')}); }`,
    }),
  );
}

function passesFor(site: LowerSite<ReductionOp>) {
  const { shape } = inputOf(site, 0).type;
  const axes = new Set(integersOf(site, 1).map((axis) => normalizeAxis(axis, shape.length)));
  return passesOf(shape, axes);
}

/** Sums of bytes stay below this. */
const MAX_BYTES = 2 ** 23;

/** The mean of bytes in one pass: zero + round((sum - offset) * scale), half to even. */
function byteMean(site: LowerSite<ReductionOp>): ((emit: Emitter) => Finish) | null {
  const [x, y] = [perTensor(inputOf(site, 0).type), perTensor(outputOf(site).type)];
  const [pass, ...others] = passesFor(site);
  if (site.op !== 'MEAN' || !x || !y || x.dtype !== y.dtype || x.dtype === 'int16') return null;
  if (pass === undefined || others.length > 0 || pass.length > MAX_BYTES) return null;
  return ({ traits }) => ({
    params: {
      offset: i32(pass.length * x.zero),
      scale: f32(x.scale / y.scale / pass.length),
      zero: i32(y.zero),
      low: f32(y.low - y.zero),
      high: f32(y.high - y.zero),
    },
    declarations: (width) => roundFunction(traits, width),
    result: (real) =>
      `nearest(clamp(${real}(s - params.offset) * params.scale, ${real}(params.low), ${real}(params.high))) + params.zero`,
  });
}

/** Whether a reduction can be had of elements as they are: of reals, of integers, or by choosing one. */
function isPlain(site: LowerSite<ReductionOp>): boolean {
  const [x, y] = [inputOf(site, 0).type, outputOf(site).type];
  const isLogic = site.op === 'REDUCE_ANY' || site.op === 'REDUCE_ALL';
  if (!isStored(x.dtype) || !sameElements(x, y) || isLogic !== (x.dtype === 'bool')) return false;
  if (isLogic) return true;
  if (site.op === 'REDUCE_MAX' || site.op === 'REDUCE_MIN') return x.dtype !== 'float16';
  return x.dtype === 'float32' || (x.dtype === 'int32' && site.op !== 'MEAN');
}

const hasElements = ({ shape }: TensorType) => !shape.includes(0);

function reduction<N extends ReductionOp>(row: Row): Lowering<N> {
  return {
    supports: (site) =>
      [inputOf(site, 0).type, outputOf(site).type].every(hasElements) &&
      passesFor(site).length > 0 &&
      (isPlain(site) || byteMean(site) !== null),
    lower(site, emit) {
      const passes = passesFor(site);
      const mean = byteMean(site)?.(emit) ?? null;
      let from = inputOf(site, 0);
      passes.forEach((pass, at) => {
        const isLast = at === passes.length - 1;
        const to = isLast
          ? outputOf(site)
          : {
              type: { dtype: from.type.dtype, shape: [pass.outer, pass.inner] },
              ref: emit.scratch(4 * pass.outer * pass.inner),
              value: undefined,
            };
        emitPass(emit, site.op, row, { ...pass, from, to, finish: mean ?? finishOf(site, pass) });
        from = to;
      });
    },
  };
}

/** The division of a mean of reals. */
function finishOf(site: LowerSite<ReductionOp>, { length }: Axis): Finish {
  if (site.op !== 'MEAN') return KEPT;
  return {
    params: { scale: f32(1 / length) },
    declarations: () => '',
    result: () => 's * params.scale',
  };
}

/** The place of the largest or smallest element, the first of several. */
function arg<N extends 'ARG_MAX' | 'ARG_MIN'>(beats: '>' | '<'): Lowering<N> {
  return {
    supports(site) {
      const [x, y] = [inputOf(site, 0).type, outputOf(site).type];
      return (
        isStored(x.dtype) &&
        hasElements(x) &&
        integersOf(site, 1).length === 1 &&
        (y.dtype === 'int32' || y.dtype === 'int64')
      );
    },
    lower(site, emit) {
      const [x, y] = [inputOf(site, 0), outputOf(site)];
      const { outer, length, inner } = axisOf(x.type.shape, integersOf(site, 1)[0] as number);
      const invocations = outer * inner;
      const isWide = y.type.dtype === 'int64';
      emit.run({
        label: site.op,
        bindings: {
          x: reads(x, 1),
          y: array(y.ref, isWide ? 'vec2<u32>' : 'u32', 'read_write'),
        },
        params: { invocations: u32(invocations), length: u32(length), inner: u32(inner) },
        grid: { invocations },
        body: `
if (index >= params.invocations) { return; }
let begin = index / params.inner * params.length * params.inner + index % params.inner;
var best = x_load(begin);
var at = 0u;
for (var k = 1u; k < params.length; k++) {
  let v = x_load(begin + k * params.inner);
  if (v ${beats} best) { best = v; at = k; }
}
y[index] = ${isWide ? 'vec2(at, 0u)' : 'at'};`,
      });
    },
  };
}

export const REDUCTION_LOWERINGS = {
  REDUCE_ANY: reduction<'REDUCE_ANY'>(MOST),
  REDUCE_ALL: reduction<'REDUCE_ALL'>(LEAST),
  SUM: reduction<'SUM'>(SUM),
  MEAN: reduction<'MEAN'>(SUM),
  REDUCE_MAX: reduction<'REDUCE_MAX'>(MOST),
  REDUCE_MIN: reduction<'REDUCE_MIN'>(LEAST),
  REDUCE_PROD: reduction<'REDUCE_PROD'>({ first: '1', combine: (a, b) => `${a} * ${b}` }),
  ARG_MAX: arg<'ARG_MAX'>('>'),
  ARG_MIN: arg<'ARG_MIN'>('<'),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
