/** Ops that normalize each row along the last dimension. */
import type { OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { type AnySite, inputOf, outputOf } from '../../lower/operands.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import { f32, type Kernel, reads, u32, writes } from '../wgsl/kernel.js';
import { type QuadCode, quadCode } from '../wgsl/quad.js';
import type { IntegerShaders } from './integers.js';
import { isFloat } from './product.js';

/** Invocations of a workgroup of four to a row. */
const INVOCATIONS = 64;

type Loop = (body: string) => string;

interface RowsKernel extends Pick<Kernel, 'params' | 'declarations'> {
  /** What is read beside the rows; nothing by default. */
  readonly bindings?: Kernel['bindings'];
  /** Elements of a row; those of the last dimension by default. */
  readonly length?: number;
}

/**
 * Emits what four invocations do with a row: `body` has the row's number `row` and first element `begin`, and is
 * made by loops over elements `k` and sums of what each invocation has.
 */
export function emitRows(
  emit: Emitter,
  site: AnySite & { readonly op: OpName },
  { params, declarations = '', bindings, length: given }: RowsKernel,
  body: (loop: Loop, combine: QuadCode['combine']) => string,
): void {
  const [input, output] = [inputOf(site, 0), outputOf(site)];
  const length = given ?? (input.type.shape.at(-1) as number);
  const rows = count(input.type.shape) / length;
  const quad = quadCode(emit.traits, INVOCATIONS, 'f32');
  const loop = (of: string) => `for (var k = lane & 3u; k < params.length; k += 4u) { ${of} }`;
  emit.run({
    label: site.op,
    quads: quad.quads,
    bindings: { x: reads(input, 1), ...bindings, y: writes(output, 1) },
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
export function softmax<N extends 'SOFTMAX' | 'LOG_SOFTMAX'>(
  result: string,
  beta: (site: LowerSite<N>) => number,
  integers: IntegerShaders | null = null,
): Lowering<N> {
  return {
    supports: (site) =>
      hasRows(site) && (isFloat(site) || integers?.softmaxOf(site, beta(site)) != null),
    lower(site, emit) {
      const emitBytes = integers?.softmaxOf(site, beta(site));
      if (emitBytes) return emitBytes(emit);
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

/** Given what integers take, for models that have some. */
export const normalizationLowerings = (integers: IntegerShaders | null) =>
  ({
    SOFTMAX: softmax<'SOFTMAX'>('exp(v - most) / sum', ({ options }) => options.beta, integers),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
